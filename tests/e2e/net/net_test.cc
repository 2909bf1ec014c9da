// What is allowed while a restricted sandbox runs.

#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {
namespace {

using nlohmann::json;

// A name that no resolver has (RFC 6761 6.4): past the policy it is not resolved.
constexpr char kHost[] = "host.invalid";

// Asks for the host once for each line of the file `ask`, and writes the reason of the
// proxy's refusal into `answers`.
constexpr char kClient[] =
    "n=0; echo ready > answers; while sleep 0.1; do w=$(wc -l < ask 2>/dev/null || echo 0); "
    "while [ $n -lt $w ]; do n=$((n+1)); curl -s -i -m 9 https://host.invalid | tr -d '\\r' | "
    "sed -n 's/^X-Workmux-Deny: //p' >> answers; done; done";

class Asker {
 public:
  explicit Asker(WorkmuxWorld& world)
      : tree_(world.repo()), program_(world.Start({"sandbox", "run", ".", "--", kClient})) {
    REQUIRE(WaitUntil([&] { return Lines() == 1; }, std::chrono::seconds(30)));
  }
  std::string Ask() {
    const std::size_t before = Lines();
    std::ofstream(tree_ / "ask", std::ios::app) << "again\n";
    REQUIRE(WaitUntil([&] { return Lines() > before; }, std::chrono::seconds(30)));
    return Last();
  }

 private:
  std::vector<std::string> Read() const {
    std::ifstream file(tree_ / "answers");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    return text.empty() ? std::vector<std::string>() : SplitLines(text);
  }
  std::size_t Lines() const { return Read().size(); }
  std::string Last() const { return Read().back(); }

  const std::filesystem::path tree_;
  std::unique_ptr<Program> program_;
};

TEST_CASE(
    "workmux net: what is refused is logged, what is allowed counts at the next request, survives "
    "kill -9 of the daemon and is refused again after a revoke (namespace)") {
  if (!HaveBubblewrap()) return;
  WorkmuxWorld world("sandbox:\n  backend: namespace\n  network:\n    policy: deny\n");
  if (world.RunCommand({"sh", "-c", "command -v curl"}, WorkmuxWorld::Where()).exit.code != 0) {
    WARN("SKIPPED: there is no curl");
    return;
  }
  Asker asker(world);
  CHECK(asker.Ask() == "host-not-allowed");
  const json refused = json::parse(world.Must({"net", "log", "--json", "-n", "1"}));
  CHECK(refused["event"] == "refused");
  CHECK(refused["host"] == kHost);
  CHECK(refused["reason"] == "host-not-allowed");
  const std::string sandbox = refused["sandbox"];

  world.Must({"net", "allow", kHost, "--for", "1h"});
  CHECK(asker.Ask() == "name-not-resolved");
  CHECK(json::parse(world.Must({"net", "log", "--json", "-n", "1"}))["rule"] == kHost);
  const json why = json::parse(world.Must({"net", "why", kHost, "--sandbox", sandbox, "--json"}));
  CHECK(why["rule"] == kHost);
  CHECK(why["events"].size() == 2);

  world.KillDaemon();
  CHECK(world.Must({"net", "allow"}).find(kHost) != std::string::npos);
  CHECK(WaitUntil([&] { return asker.Ask() == "name-not-resolved"; }));

  world.Must({"net", "revoke", kHost});
  CHECK(asker.Ask() == "host-not-allowed");
  CHECK(world.Run({"net", "revoke", kHost}).exit.code == 1);

  world.Must({"net", "allow", kHost, "--sandbox", sandbox});
  CHECK(asker.Ask() == "name-not-resolved");
}

TEST_CASE(
    "workmux net reload: an edited configuration counts in the sandbox that runs, a broken one "
    "changes nothing and says where it is (namespace)") {
  if (!HaveBubblewrap()) return;
  const std::string config = "sandbox:\n  backend: namespace\n  network:\n    policy: deny\n";
  WorkmuxWorld world(config);
  if (world.RunCommand({"sh", "-c", "command -v curl"}, WorkmuxWorld::Where()).exit.code != 0) {
    WARN("SKIPPED: there is no curl");
    return;
  }
  Asker asker(world);
  CHECK(asker.Ask() == "host-not-allowed");

  world.SetConfig(config + "    allowed_domains: [host.invalid, \"*.com\"]\n");
  const CommandResult broken = world.Run({"net", "reload"});
  CHECK(broken.exit.code == 2);
  CHECK(broken.err.find("config.yaml:5:37: sandbox.network.allowed_domains[1]") !=
        std::string::npos);
  CHECK(asker.Ask() == "host-not-allowed");

  world.SetConfig(config + "    allowed_domains: [host.invalid]\n");
  CHECK(asker.Ask() == "host-not-allowed");
  const std::string told = world.Must({"net", "reload"});
  CHECK(told.find(": host.invalid is allowed") != std::string::npos);
  CHECK(asker.Ask() == "name-not-resolved");
  world.KillDaemon();
  world.Must({"list"});
  CHECK(WaitUntil([&] { return asker.Ask() == "name-not-resolved"; }));

  // A service manager's reload.
  world.SetConfig(config);
  REQUIRE(::kill(world.Daemon(), SIGHUP) == 0);
  CHECK(WaitUntil([&] { return asker.Ask() == "host-not-allowed"; }));
}

}  // namespace
}  // namespace workmux::test
