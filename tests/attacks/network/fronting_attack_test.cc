// What names decide, and what nobody sees who does not look inside of TLS.

#include <regex>

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

// The same with what the sandbox itself says is to be trusted.
std::string Brokered(const std::string& script) {
  return std::regex_replace(script, std::regex(" --cacert /tmp/ca.pem"), "");
}

// The rest of sandbox.network, with a file that holds the credential of git.example.com.
std::string Kept(const InternetStage& stage, const std::string& secret) {
  const std::filesystem::path file = stage.world.area() / "credential";
  WriteFile(file, secret + "\n");
  std::filesystem::permissions(
      file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return Format(
      "    credentials:\n      - host: git.example.com\n        value: \"{{secret}}\"\n"
      "        file: {}\n",
      file.string());
}

std::string Log(const InternetStage& stage) {
  return stage.world.Must({"net", "log", "--json", "-n", "1000"});
}

constexpr char kGit[] = "    allowed_domains: [git.example.com]\n";

}  // namespace

// Control: a program beside the daemon that looks a name up and then goes where the name leads,
// which reaches the server of the host.
TEST_CASE("Attack N8: a name that leads elsewhere with each answer reaches no server of the host",
          "[attack][N8][namespace][docker][podman][podman_root][docker_firewall]") {
  for (const Environment& environment : EnvironmentsInInternet()) {
    INFO(environment.name);
    InternetStage stage(environment);
    const std::string out = stage.Restricted(
        Curl(stage, "--version >/dev/null") +
            "i=0; while [ $i -lt 40 ]; do for twice in 1 2; do\n"
            "curl --silent --cacert /tmp/ca.pem --max-time 20 https://rebind$i.example.com/server\n"
            "done; i=$((i+1)); done; true",
        "    allowed_domains: [\"*.example.com\"]\n");
    INFO(out);
    CHECK(CountLines(out, "far") >= 20);
    CHECK(CountLines(out, "near") == 0);
    const std::string naive =
        stage.internet
            .Run({"/bin/sh", "-c",
                  Format("i=100; while [ $i -lt 110 ]; do\n"
                         "getent ahostsv4 rebind$i.example.com | grep -q 93.184 &&\n"
                         "curl --silent --cacert {} https://rebind$i.example.com/server\n"
                         "i=$((i+1)); done; true",
                         stage.internet.authority().string())})
            .out;
    CHECK(CountLines(naive, "near") >= 3);
  }
}

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

// Control: the same requests where no credential is kept for the host: what is said inside of
// TLS is not read then, and the server that has several names answers for the other one.
TEST_CASE("Attack N9: where a credential is kept no other host is asked for inside of TLS",
          "[attack][N9][namespace][docker][podman][podman_root][docker_firewall]") {
  for (const Environment& environment : EnvironmentsInInternet()) {
    INFO(environment.name);
    InternetStage stage(environment);
    const std::string other =
        Curl(stage, "--header 'Host: evil.example.net' https://git.example.com/whoami");
    CHECK(stage.Restricted(other, kGit) == "evil.example.net\n");
    const std::string kept = kGit + Kept(stage, "ours");
    CHECK_THAT(stage.Restricted(Brokered(other), kept), !Catch::Contains("evil.example.net\n"));
    CHECK_THAT(Log(stage), Catch::Contains("other-host-inside"));
    CHECK(stage.Restricted(Brokered("curl --silent https://git.example.com/whoami"), kept) ==
          "git.example.com\n");
  }
}

// Control: the same uploads where no credential is kept for the host: they arrive with the
// foreign keys.
TEST_CASE("Attack N11: no data leaves under a foreign key where a credential is kept",
          "[attack][N11][namespace][docker][podman][podman_root][docker_firewall]") {
  const std::string upload =
      "--header 'Authorization: foreign' --header 'X-Api-Key: foreign' --cookie k=foreign "
      "--data-binary secret https://git.example.com/keys";
  const std::string query =
      "--data-binary secret 'https://git.example.com/keys?access_token=foreign'";
  for (const Environment& environment : EnvironmentsInInternet()) {
    INFO(environment.name);
    InternetStage stage(environment);
    // /keys answers with what it was shown.
    CHECK(stage.Restricted(Curl(stage, upload), kGit) == "foreign foreign k=foreign\nsecret");
    CHECK(stage.Restricted(Curl(stage, query), kGit) == "access_token=foreign\nsecret");
    const std::string kept = kGit + Kept(stage, "ours");
    CHECK(stage.Restricted(Brokered(Curl(stage, upload)), kept) == "ours\nsecret");
    CHECK_THAT(stage.Restricted(Brokered(Curl(stage, query)), kept),
               !Catch::Contains("access_token=foreign\nsecret") && Catch::Contains("credential"));
    const std::string for_others = kept + "        allow: [\"GET /**\"]\n";
    CHECK_THAT(stage.Restricted(Brokered(Curl(stage, upload)), for_others),
               Catch::Contains("the credential is not for this request"));
    // Past the proxy's certificate nobody reaches the host either.
    CHECK(stage.Restricted(Curl(stage, upload), kept).empty());
  }
}

// Control: the same search where the secret is passed through by env_passthrough's way,
// sandbox.env, and where the server's answer is another one.
TEST_CASE("Attack N11: the credential itself is nowhere inside, and comes back in no answer",
          "[attack][N11][namespace][docker][podman][podman_root][docker_firewall]") {
  constexpr char kSearch[] =
      "{ env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; "
      "grep -rs the-real-[c]redential /run /tmp /etc $HOME $PWD; } 2>/dev/null | tr '\\0' '\\n' | "
      "grep -c the-real-[c]redential; true";
  for (const Environment& environment : EnvironmentsInInternet()) {
    INFO(environment.name);
    InternetStage stage(environment);
    const std::string kept = kGit + Kept(stage, "the-real-credential") + "        env: GIT_TOKEN\n";
    CHECK(stage.Restricted(std::string("echo $GIT_TOKEN\n") + kSearch, kept) ==
          "kept-by-workmux\n0\n");
    CHECK(stage.Restricted(kSearch, kGit + std::string("  env: {T: the-real-credential}\n")) !=
          "0\n");
    const std::string upload = "--data-binary x https://git.example.com/";
    CHECK(stage.Restricted(Brokered(Curl(stage, upload + "keys")), kept).empty());
    CHECK_THAT(Log(stage), Catch::Contains("secret-in-answer"));
    CHECK(stage.Restricted(Brokered(Curl(stage, upload + "other")), kept) == "posted\nx");
  }
}

}  // namespace workmux::test
