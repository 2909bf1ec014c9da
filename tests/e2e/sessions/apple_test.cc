// Apple Container, by a stand-in for its client: tests/fakes/apple_container.py.

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "tests/e2e/sessions/engine.h"
#include "tests/support/build_tree.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

using Catch::Contains;
namespace fs = std::filesystem;

std::string AppleConfig(const std::string& more = "") {
  return "agent: claude\nsandbox:\n  backend: container\n  image: workmux-sandbox:claude\n" + more +
         "  container:\n    runtime: apple-container\n";
}

struct Stage {
  explicit Stage(const std::string& config = AppleConfig()) : world(config) {
    tree = world.area() / "tree";
    world.git().Git({"worktree", "add", "--quiet", "-b", "topic", tree.string()});
    world.Install("container", "#!/bin/sh\nexec python3 " +
                                   (SourceDir() / "tests/fakes/apple_container.py").string() +
                                   " \"$@\"\n");
  }
  CommandResult Agent(const std::string& script) const {
    return world.Run({"sandbox", "agent", "--", "sh", "-c", script},
                     {.cwd = tree, .env = {}, .input = {}});
  }
  // The calls of the client that start with this word, as it was asked.
  std::vector<std::vector<std::string>> Calls(const std::string& command) const {
    std::vector<std::vector<std::string>> found;
    for (const std::string& line :
         SplitLines(ReadWholeFile(world.home() / ".stand-in-container/calls"))) {
      const auto call = nlohmann::json::parse(line).get<std::vector<std::string>>();
      if (!call.empty() && call[0] == command) found.push_back(call);
    }
    return found;
  }
  WorkmuxWorld world;
  fs::path tree;
};

}  // namespace

TEST_CASE("Apple Container: a whole session, with nothing but directories mounted", "[apple]") {
  if (!Have(Engine::kNamespace)) return;
  Stage stage;
  const CommandResult result = stage.Agent(
      "cat /tmp/.claude.json; readlink /tmp/.claude.json; pwd; echo $WM_RPC_HOST;"
      "test \"$WM_RPC_PORT\" -gt 0 && echo port; "
      "echo forged > .git || echo refused; echo mine > new; git add new; "
      "git commit --quiet -m inside && echo committed; "
      "echo '{\"kept\":1}' > /tmp/.claude.json; exit 7");
  INFO(result.err);
  CHECK(result.exit.code == 7);
  CHECK(result.out ==
        "{\"hasCompletedOnboarding\":true,\"bypassPermissionsModeAccepted\":true}\n"
        "/tmp/.claude-sandbox-config/claude.json\n" +
            stage.tree.string() + "\n192.168.64.1\nport\nrefused\ncommitted\n");
  CHECK(stage.world.git().Git({"log", "-1", "--format=%s", "topic"}) == "inside");
  CHECK(ReadWholeFile(stage.tree / "new") == "mine\n");
  // The seed of the seeds' directory form, and none in the form of a file.
  CHECK(fs::exists(stage.world.home() / ".claude-sandbox-config/claude.json"));
  CHECK_FALSE(fs::exists(stage.world.home() / ".claude-sandbox.json"));
  // What the agent wrote is there the next time.
  CHECK(stage.Agent("cat /tmp/.claude.json").out == "{\"kept\":1}\n");

  const auto created = stage.Calls("create");
  REQUIRE(created.size() == 2);
  CHECK(Join(created[0], "\n").find("\n--memory=16G\n") != std::string::npos);
  CHECK(Join(created[0], "\n").find("\n--read-only-path\n" + (stage.tree / ".git").string()) !=
        std::string::npos);
  CHECK(WaitUntil([&] { return stage.Calls("rm").size() == 2; }));
  CHECK(WaitUntil([&] { return OpenSessions(stage.world) == 0; }));
}

TEST_CASE("Apple Container: list, logs, shell and stop", "[apple]") {
  if (!Have(Engine::kNamespace)) return;
  Stage stage;
  const auto agent = stage.world.Start(
      {"sandbox", "run", stage.tree.string(), "--", "echo first; echo ready; exec sleep 1000"});
  REQUIRE(agent->Prints("ready"));
  const WorkmuxWorld::Where there = {.cwd = stage.tree, .env = {}, .input = {}};
  const auto list = nlohmann::json::parse(stage.world.Must({"sandbox", "list", "--json"}));
  REQUIRE(list.size() == 1);
  CHECK(list[0]["backend"] == "apple-container");
  CHECK(list[0]["state"] == "running");
  CHECK(stage.world.Must({"sandbox", "logs"}, there) == "first\nready");
  CHECK(stage.world.Must({"sandbox", "logs", "-n", "1"}, there) == "ready");
  CHECK(stage.world.Must({"sandbox", "shell", "-e", "--", "pwd"}, there) == stage.tree.string());
  CHECK(stage.world.Must({"sandbox", "shell", "--", "sh", "-c", "pwd; env | grep -c ^WM_RPC; true"},
                         there) == stage.tree.string() + "\n0");
  stage.world.Must({"sandbox", "stop", list[0]["name"], "--backend", "container"});
  CHECK(agent->Wait() != 0);
  CHECK(WaitUntil([&] { return OpenSessions(stage.world) == 0; }));
}

TEST_CASE("Apple Container: what it cannot do is refused before anything is made", "[apple]") {
  if (!Have(Engine::kNamespace)) return;
  Stage stage;
  stage.world.StartTmux();
  WriteFile(stage.world.home() / "notes.txt", "text\n");
  const auto refused = [&](const std::string& config, const std::string& key) {
    INFO(config);
    stage.world.SetConfig(config);
    const CommandResult result = stage.world.Run({"add", "-S", "-b", "other"});
    CHECK(result.exit.code == 1);
    CHECK_THAT(result.err, Contains(key) && Contains("apple-container") && Contains("hint: "));
    CHECK(stage.world.git().Git({"branch", "--list", "other"}).empty());
  };
  refused(AppleConfig() + "    devices: [/dev/kvm]\n", "sandbox.container.devices");
  refused(AppleConfig() + "    group_add: [dialout]\n", "sandbox.container.group_add");
  refused(AppleConfig() + "    excluded_files: [.env]\n", "sandbox.container.excluded_files");
  refused(AppleConfig() + "    cpus: 1.5\n", "sandbox.container.cpus");
  refused(AppleConfig("  extra_mounts: [~/notes.txt]\n"), "sandbox.extra_mounts");
  CHECK(stage.Calls("create").empty());

  // Control: its directory can be mounted.
  fs::create_directories(stage.world.home() / "notes");
  stage.world.SetConfig(AppleConfig("  extra_mounts: [~/notes]\n"));
  CHECK(stage.Agent("test -d '" + (stage.world.home() / "notes").string() + "'").exit.code == 0);
}

TEST_CASE("Apple Container: a client that is too old is told apart", "[apple]") {
  if (!Have(Engine::kNamespace)) return;
  Stage stage;
  stage.world.Install(
      "container",
      "#!/bin/sh\ncase $* in *--read-only-path*)\n"
      "  echo \"Error: Unknown option '--read-only-path'\" >&2; exit 64 ;;\nesac\n");
  const CommandResult result = stage.Agent("true");
  CHECK(result.exit.code == 125);
  CHECK_THAT(result.err, Contains("--read-only-path") && Contains("hint: Install a newer"));
}

}  // namespace workmux::test
