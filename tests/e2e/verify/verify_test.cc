// `workmux sandbox verify` and what happens by itself at the first start.

#include <unistd.h>

#include <csignal>

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/io/socket.h"
#include "tests/e2e/verify/tampering.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

using Catch::Contains;
using nlohmann::json;
namespace fs = std::filesystem;

constexpr const char* kEngines[] = {"namespace", "docker", "podman"};

// Everything that can be limited is, where the engine can.
std::string ConfigOf(const std::string& engine) {
  const std::string place = "worktree_dir: .trees\n";
  if (engine == "namespace") return place + SandboxConfigFor(engine);
  std::string config = place + "sandbox:\n  backend: container\n  image: " + TestImage() +
                       "\n  container:\n    runtime: " + engine + "\n";
  if (engine == "docker" || ::geteuid() == 0) config += "    memory: 512m\n    cpus: '1.5'\n";
  return config;
}

// A worktree inside the main one: it has ancestors to be moved away.
struct Stage {
  explicit Stage(const std::string& name) : engine(name), world(ConfigOf(name)) {
    tree = world.repo() / ".trees/first";
    world.git().Git({"worktree", "add", "--quiet", "-b", "first", tree.string()});
    listener = Must(ListenUnix(world.area() / "engine.sock"));
  }
  WorkmuxWorld::Where where() const { return {.cwd = tree, .env = {}, .input = {}}; }
  CommandResult Inside(const std::string& script) const {
    return world.Run({"sandbox", "run", tree.string(), "--", script}, where());
  }
  // A shell: without a bridge, which nothing verifies before it runs.
  std::unique_ptr<Program> Shell() const {
    return world.StartCommand(
        {"/bin/sh", "-c",
         "cd '" + tree.string() +
             "' && exec workmux sandbox shell -- sh -c 'echo ready; exec sleep 1000'"});
  }

  std::string engine;
  WorkmuxWorld world;
  fs::path tree;
  UniqueFd listener;
};

std::vector<std::string> DefencesIn(const json& verification) {
  std::vector<std::string> defences;
  for (const json& difference : verification["differences"])
    defences.push_back(difference["defence"].get<std::string>());
  return defences;
}

bool Has(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

TEST_CASE("Verify: a sandbox is as it is meant to be, on every engine", "[verify]") {
  for (const std::string engine : kEngines) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    Stage stage(engine);
    auto sandbox = stage.world.Start({"sandbox", "run", stage.tree.string(), "--",
                                      "echo ready; while [ ! -e end ]; do sleep 0.05; done"});
    INFO(sandbox->err());
    REQUIRE(sandbox->Prints("ready"));
    const CommandResult text = stage.world.Run({"sandbox", "verify"}, stage.where());
    INFO(text.out << text.err);
    CHECK(text.exit.code == 0);
    CHECK_THAT(text.out, Contains("✓ capabilities") && Contains("✓ protected paths") &&
                             !Contains("✗") && !Contains("\x1b"));
    const CommandResult result = stage.world.Run({"sandbox", "verify", "--json"}, stage.where());
    const json verified = json::parse(result.out);
    CHECK(verified["verified"] == true);
    CHECK(verified["backend"] == engine);
    CHECK(verified["differences"].empty());
    CHECK(verified["checks"].size() == 11);
    CHECK(verified["stopped"] == false);
    // By its name, from anywhere.
    CHECK(stage.world
              .Run({"sandbox", "verify", "--session", verified["sandbox"].get<std::string>()},
                   {.cwd = "/", .env = {}, .input = {}})
              .exit.code == 0);
    WriteFile(stage.tree / "end", "");
    CHECK(sandbox->Wait() == 0);
  }
}

TEST_CASE("Verify: what the user asked for is no difference and is listed", "[verify]") {
  for (const std::string engine : kEngines) {
    if (!CanUse(engine)) continue;
    INFO(engine);
    Stage stage(engine);
    fs::create_directories(stage.world.home() / "inbox");
    std::string config = ConfigOf(engine);
    if (engine != "namespace") {
      config +=
          "    cap_add: [NET_RAW]\n    security_opt: ['seccomp=unconfined']\n"
          "    group_add: ['4711']\n";
    }
    stage.world.SetConfig(
        config + "  extra_mounts: [{host_path: ~/inbox, writable: true}]\n  git: shared\n");
    auto shell = stage.Shell();
    INFO(shell->err());
    REQUIRE(shell->Prints("ready"));
    const CommandResult result = stage.world.Run({"sandbox", "verify", "--json"}, stage.where());
    INFO(result.out << result.err);
    REQUIRE(result.exit.code == 0);
    const std::string weakened = json::parse(result.out)["weakened"].dump();
    CHECK_THAT(weakened, Contains("git: shared") && Contains("inbox"));
    if (engine != "namespace")
      CHECK_THAT(weakened, Contains("cap_add: NET_RAW") && Contains("group_add: 4711"));
  }
}

TEST_CASE("Verify: each defence that is switched off is named, and the sandbox ends", "[verify]") {
  for (const std::string engine : kEngines) {
    if (!CanUse(engine)) continue;
    Stage stage(engine);
    for (const Tampering& tampering : TamperingsOf(engine, stage.world)) {
      INFO(engine << ": " << tampering.defence << ": " << tampering.edit << tampering.more
                  << tampering.argv);
      InstallTampering(engine, tampering, stage.world);
      auto shell = stage.Shell();
      INFO(shell->err());
      REQUIRE(shell->Prints("ready"));
      const CommandResult result = stage.world.Run({"sandbox", "verify", "--json"}, stage.where());
      INFO(result.out << result.err);
      CHECK(result.exit.code == 1);
      const json verified = json::parse(result.out);
      CHECK(verified["verified"] == false);
      CHECK(verified["stopped"] == true);
      CHECK(Has(DefencesIn(verified), tampering.defence));
      CHECK(shell->Wait() != 0);

      // At a start: before the command, which must not run.
      const CommandResult start = stage.Inside("touch ran");
      INFO(start.out << start.err);
      CHECK(start.exit.code == 125);
      CHECK_FALSE(fs::exists(stage.tree / "ran"));
      if (!tampering.silent_start)
        CHECK_THAT(start.err, Contains(tampering.defence) && Contains("hint: "));
    }
    // Control: without it the same command runs.
    RemoveTampering(engine, stage.world);
    CHECK(stage.Inside("touch ran").exit.code == 0);
    CHECK(fs::exists(stage.tree / "ran"));
  }
}

}  // namespace workmux::test
