#include <csignal>
#include <string>

#include "common/base/format.h"
#include "tests/e2e/network/clones.h"
#include "tests/e2e/network/restricted.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
TEST_CASE("Restricted network: git clones over HTTPS from an allowed host, and from no other",
          "[network]") {
  const std::string engine = GENERATE(from_range(EnginesInInternet()));
  if (!CanUseInInternet(engine)) return;
  INFO(engine);
  const Restricted restricted(engine, kAllowed);
  const CommandResult cloned =
      restricted.Inside(Clone("git.example.com") + " && git -C /tmp/clone0 log --format=%s");
  INFO(cloned.err);
  REQUIRE(cloned.exit.ok());
  CHECK_FALSE(cloned.out.empty());
  // A private address that a rule opens.
  const CommandResult mirror = restricted.Inside(Clone("mirror.example.com"));
  INFO(mirror.err);
  CHECK(mirror.exit.ok());
  for (const char* host : {"evil.example.net", "api.example.com", "inner.example.com",
                           "loop.example.com", "own.example.com", "metadata.example.com"}) {
    INFO(host);
    const CommandResult refused = restricted.Inside(Clone(host));
    CHECK_FALSE(refused.exit.ok());
    CHECK(refused.err.find("403") != std::string::npos);
  }
  for (const char* reason :
       {"host-not-allowed", "private-address", "forbidden-address", "address-of-this-host"}) {
    INFO(reason);
    CHECK(restricted.world.DaemonLog().find(reason) != std::string::npos);
  }
}

TEST_CASE("Restricted network: a TLS hello for another host is cut off", "[network]") {
  if (!Internet::CanRun() || !IsFor("namespace")) return;
  const bool enforced = GENERATE(true, false);
  const Restricted restricted("namespace",
                              std::string(kAllowed) + (enforced ? "" : "    sni: \"off\"\n"));
  // The proxy is asked for one name, the server for another.
  const CommandResult result = restricted.Inside(
      "curl --silent --show-error --cacert /tmp/ca.pem --max-time 20 "
      "--connect-to evil.example.net:443:git.example.com:443 https://evil.example.net/whoami");
  INFO(result.err);
  CHECK(result.exit.ok() == !enforced);
  CHECK((result.out == "evil.example.net\n") == !enforced);
  CHECK((restricted.world.DaemonLog().find("other-server-name") != std::string::npos) == enforced);
}

TEST_CASE("Restricted network: without its daemon a sandbox has no way out, and the same one after",
          "[network]") {
  const std::string engine = GENERATE(from_range(EnginesInInternet()));
  if (!CanUseInInternet(engine)) return;
  INFO(engine);
  Restricted restricted(engine, kAllowed);
  // Each line of input is one attempt in the same sandbox.
  const auto shell = restricted.world.Start(
      restricted.Argv("echo ready; n=0; while read -r line; do n=$((n+1)); "
                      "if git ls-remote --quiet https://git.example.com/repo.git >/dev/null 2>&1; "
                      "then echo \"$n reached\"; else echo \"$n failed\"; fi; done"));
  REQUIRE(shell->Prints("ready"));
  shell->Type("\n");
  CHECK(shell->Prints("1 reached"));
  restricted.world.KillDaemon();
  shell->Type("\n");
  CHECK(shell->Prints("2 failed"));
  restricted.internet.StartDaemon();
  shell->Type("\n");
  CHECK(shell->Prints("3 reached"));
  shell->CloseInput();
  CHECK(shell->Wait() == 0);
}

TEST_CASE("Restricted network: sandbox shell has the same network and no bridge", "[network]") {
  if (!Internet::CanRun() || !IsFor("namespace")) return;
  const Restricted restricted("namespace", kAllowed);
  const CommandResult result =
      restricted.world.Run({"sandbox", "shell", "--", "sh", "-c",
                            "ls /run/workmux/bridge; grep -c : /proc/net/dev; "
                            "curl --silent --output /dev/null --write-out '%{http_connect}\\n' "
                            "https://evil.example.net; "
                            "env | grep -c WM_RPC"});
  INFO(result.err);
  CHECK(result.out == "proxy.sock\n1\n403\n0\n");
}

}  // namespace workmux::test
