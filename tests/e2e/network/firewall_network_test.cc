#include <unistd.h>

#include <iostream>
#include <string>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "tests/e2e/network/clones.h"
#include "tests/e2e/network/engine_internet.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

std::string ConfigFor(const std::string& engine, const std::string& policy) {
  return SandboxConfigFor(engine) + "  env:\n    GIT_SSL_CAINFO: /tmp/ca.pem\n" +
         "  network:\n    policy: " + policy + "\n" +
         (policy == "deny" ? std::string("    enforcement: firewall\n") + kAllowed : "");
}

struct Walled {
  explicit Walled(const std::string& engine)
      : world(ConfigFor(engine, "deny")), internet(world, engine) {
    internet.StartDaemon();
  }
  std::vector<std::string> Argv(const std::string& script) const {
    // The command's own /tmp is empty: the authority comes with the script.
    return {"sandbox",
            "run",
            world.repo().string(),
            "--",
            "sh",
            "-c",
            Format("cat > /tmp/ca.pem <<'END'\n{}END\n{}", ReadWholeFile(internet.authority()),
                   script)};
  }
  CommandResult Inside(const std::string& script) const {
    return internet.RunWorkmux(Argv(script));
  }

  WorkmuxWorld world;
  EngineInternet internet;
};

bool CanRun(const std::string& engine) {
  if (::geteuid() == 0) return CanUse(engine);
  std::cout << "SKIPPED: not root\n";
  return false;
}

// Past the proxy, to a server that is there.
constexpr char kDirect[] =
    "curl --silent --show-error --noproxy '*' --cacert /tmp/ca.pem --max-time 20 "
    "--resolve git.example.com:443:93.184.216.34 https://git.example.com/whoami; ";
// The same to this host, where an engine gives its containers IPv6.
constexpr char kDirectSix[] =
    "curl --silent --show-error --noproxy '*' --max-time 20 -o /dev/null -w '%{http_code}\\n' "
    "'http://[fd77:77::1]:8000/repo.git/HEAD'; ";

void ClonesFromAllowedHostsOnly(const Walled& walled) {
  const CommandResult cloned =
      walled.Inside(Clone("git.example.com") + " && git -C /tmp/clone0 log --format=%s");
  INFO(cloned.err);
  REQUIRE(cloned.exit.ok());
  CHECK_FALSE(cloned.out.empty());
  CHECK(walled.Inside(Clone("mirror.example.com")).exit.ok());
  for (const char* host : {"evil.example.net", "api.example.com", "inner.example.com",
                           "loop.example.com", "own.example.com", "metadata.example.com"}) {
    INFO(host);
    const CommandResult refused = walled.Inside(Clone(host));
    CHECK_FALSE(refused.exit.ok());
    CHECK(refused.err.find("403") != std::string::npos);
  }
  for (const char* reason :
       {"host-not-allowed", "private-address", "forbidden-address", "address-of-this-host"}) {
    INFO(reason);
    CHECK(walled.world.DaemonLog().find(reason) != std::string::npos);
  }
}

// Control: with an open network the same direct connection reaches the server.
void HasNoOtherWay(Walled& walled, const std::string& engine) {
  const CommandResult direct = walled.Inside(kDirect);
  CHECK_FALSE(direct.exit.ok());
  CHECK(direct.err.find("Failed to connect") != std::string::npos);
  CHECK(walled.Inside(kDirectSix).out == "000\n");
  walled.world.SetConfig(ConfigFor(engine, "allow"));
  const CommandResult open = walled.Inside(kDirect);
  INFO(open.err);
  CHECK(open.out == "git.example.com\n");
  if (engine == "docker") CHECK(walled.Inside(kDirectSix).out == "200\n");
  walled.world.SetConfig(ConfigFor(engine, "deny"));
}

void OutlivesTheDaemon(Walled& walled, const std::string& engine) {
  const auto shell = walled.internet.StartWorkmux(
      walled.Argv("echo ready; n=0; while read -r line; do n=$((n+1)); "
                  "if git ls-remote --quiet https://git.example.com/repo.git >/dev/null 2>&1; "
                  "then echo \"$n reached\"; else echo \"$n failed\"; fi; " +
                  std::string(kDirect) + "done; exit 0"));
  REQUIRE(shell->Prints("ready"));
  shell->Type("\n");
  CHECK(shell->Prints("1 reached"));
  walled.world.KillDaemon();
  shell->Type("\n");
  CHECK(shell->Prints("2 failed"));
  walled.internet.StartDaemon();
  shell->Type("\n");
  CHECK(shell->Prints("3 reached"));
  CHECK(shell->out().find("git.example.com") == std::string::npos);

  // While it runs: it is as it is meant to be, and so is who joins it.
  const CommandResult verified = walled.internet.RunWorkmux({"sandbox", "verify"});
  INFO(verified.out << verified.err);
  CHECK(verified.exit.ok());
  CHECK(verified.out.find("network") != std::string::npos);
  CHECK(walled.world.DaemonLog().find("as it is meant to be") != std::string::npos);
  const CommandResult joined = walled.internet.RunWorkmux(
      {"sandbox", "shell", "--exec", "--", "sh", "-c",
       std::string(kDirect) + "grep CapBnd /proc/self/status; env | grep -c WM_FIREWALL"});
  CHECK(joined.err.find("Failed to connect") != std::string::npos);
  CHECK(joined.out == "CapBnd:\t0000000000000000\n0\n");

  // Where somebody took the firewall away nobody joins any more, and the sandbox is ended.
  const std::string name(Trim(walled.internet.Run({engine, "ps", "--format", "{{.Names}}"}).out));
  const CommandResult flushed =
      walled.internet.Run({engine, "run", "--rm", "--network=container:" + name,
                           "--cap-add=NET_ADMIN", "--user=0:0", TestImage(), "sh", "-c",
                           "iptables -F; iptables -P OUTPUT ACCEPT; iptables -P INPUT ACCEPT"});
  REQUIRE(flushed.exit.ok());
  CHECK(walled.internet.RunWorkmux({"sandbox", "shell", "--exec", "--", "true"}).exit.code == 125);
  const CommandResult noticed = walled.internet.RunWorkmux({"sandbox", "verify"});
  INFO(noticed.out << noticed.err);
  CHECK(noticed.exit.code == 1);
  CHECK(noticed.out.find("198.51.100.1") != std::string::npos);
  // Its input is open: it was ended.
  CHECK(shell->Wait() != 0);
}

// It has no bridge, over which it could wait for its firewall.
void GivesShellsTheSame(const Walled& walled) {
  const CommandResult result = walled.internet.RunWorkmux(
      {"sandbox", "shell", "--", "sh", "-c",
       "curl --silent --output /dev/null --write-out '%{http_connect}\\n' "
       "https://evil.example.net; env | grep -c WM_RPC; " +
           std::string(kDirect)});
  INFO(result.err);
  CHECK(result.out == "403\n0\n");
  CHECK(result.err.find("Failed to connect") != std::string::npos);
}

// The proxy is where sandboxes reach it and nowhere else.
void ListensOnTheBridgeAlone(const Walled& walled) {
  const auto shell = walled.internet.StartWorkmux(walled.Argv("echo $WM_PROXY_PORT; read -r line"));
  REQUIRE(shell->Prints("\n"));
  const std::string port(Trim(shell->out()));
  const CommandResult sockets = walled.internet.Run({"ss", "-Hltn"});
  int listening = 0;
  for (const std::string& line : SplitLines(sockets.out)) {
    if (line.find(":" + port + " ") == std::string::npos) continue;
    ++listening;
    CHECK(line.find(" 0.0.0.0:" + port) == std::string::npos);
    CHECK(line.find("*:" + port) == std::string::npos);
    CHECK((line.find(" 172.17.0.1:") != std::string::npos ||
           line.find(" 10.88.0.1:") != std::string::npos));
  }
  CHECK(listening == 1);
  shell->Type("\n");
  CHECK(shell->Wait() == 0);
}

}  // namespace

TEST_CASE("Firewalled network: allowed hosts through the proxy, and nothing past it", "[network]") {
  const std::string engine = GENERATE(as<std::string>(), "docker", "podman");
  if (!CanRun(engine)) return;
  INFO(engine);
  Walled walled(engine);
  ClonesFromAllowedHostsOnly(walled);
  HasNoOtherWay(walled, engine);
  OutlivesTheDaemon(walled, engine);
  GivesShellsTheSame(walled);
  ListensOnTheBridgeAlone(walled);
}

// Control: a daemon that stays lets the same command run.
TEST_CASE("Firewalled network: a daemon that dies while a sandbox waits lets nothing run",
          "[network]") {
  const std::string engine = "docker";
  if (!CanRun(engine)) return;
  Walled walled(engine);
  // An engine whose helpers take long.
  walled.world.Install(
      "docker",
      "#!/bin/sh\ncase \"$*\" in *-firewall*) touch \"$HOME/asked\"; sleep 5;; esac\n"
      "exec /usr/bin/docker \"$@\"\n");
  walled.world.KillDaemon();
  walled.internet.StartDaemon();
  const auto ran = walled.world.repo() / "ran";
  CHECK(walled.Inside("touch ran").exit.ok());
  CHECK(std::filesystem::remove(ran));
  std::filesystem::remove(walled.world.home() / "asked");

  const auto waiting = walled.internet.StartWorkmux(walled.Argv("touch ran"));
  REQUIRE(WaitUntil([&] { return std::filesystem::exists(walled.world.home() / "asked"); }));
  // The client starts the next one by itself.
  walled.world.KillDaemon();
  CHECK(waiting->Wait(std::chrono::seconds(60)) == 125);
  CHECK(waiting->err().find("the host went away; the command was not started") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(ran));
}

}  // namespace workmux::test
