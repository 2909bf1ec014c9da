// Which panes of a window run in a sandbox: `sandbox.target`.

#include "common/base/strings.h"
#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

// A window with an agent and a bare shell, and a file of the host that no sandbox shows.
struct Stage {
  Stage(Engine engine, const std::string& target)
      : world(ConfigFor(engine,
                        "agent: ./agent.sh\npanes:\n  - command: <agent>\n"
                        "  - split: vertical\n") +
              "  enabled: true\n  target: " + target + "\n"),
        secret(world.home() / "secret"),
        tree(world.area() / "repo__worktrees/topic") {
    CommitAgent(world, kObedientAgent);
    WriteFile(secret, "canary\n");
    world.StartTmux();
  }
  // The pane without a command, once its shell prompts.
  std::string Shell() {
    std::string pane;
    const bool there = WaitUntil([&] {
      const CommandResult listed =
          world.TryTmux({"list-panes", "-t", "=main:=wm-topic", "-F", "#{pane_id}"});
      const std::vector<std::string> panes = SplitLines(listed.out);
      if (panes.size() != 2) return false;
      pane = panes[1];
      const std::vector<std::string> lines = SplitLines(Trim(world.PaneText(pane)));
      return !lines.empty() && (lines.back().ends_with("$") || lines.back().ends_with("#"));
    });
    INFO(world.PaneText(pane));
    REQUIRE(there);
    return pane;
  }
  // What the shell finds of the host, typed there as a person would.
  std::string Look(const std::string& pane) {
    const fs::path proof = tree / "proof";
    fs::remove(proof);
    world.TypeInPane(pane, "{ test -e " + secret.string() +
                               " && echo seen || echo hidden; } >part; mv part proof");
    const bool answered = WaitUntil([&] { return fs::exists(proof); });
    INFO(world.PaneText(pane));
    REQUIRE(answered);
    return std::string(Trim(ReadWholeFile(proof)));
  }
  // The sandboxed shell took the place of the pane's own.
  std::string LookInside() {
    REQUIRE(WaitUntil([&] { return OpenSessions(world) == 2; }, std::chrono::seconds(30)));
    const std::string pane = Shell();
    const bool inside = WaitUntil([&] {
      const std::string text = world.PaneText(pane);
      const std::size_t typed = text.rfind("sandbox shell");
      return typed != std::string::npos && Trim(text.substr(typed)).ends_with("$");
    });
    INFO(world.PaneText(pane));
    REQUIRE(inside);
    return Look(pane);
  }

  WorkmuxWorld world;
  fs::path secret;
  fs::path tree;
};

void SandboxesEveryPane(Engine engine) {
  if (!Have(engine)) return;
  Stage stage(engine, "all");
  stage.world.Must({"add", "-b", "topic"});
  CHECK(stage.LookInside() == "hidden");

  // The shell goes on without its daemon, and the next daemon knows it.
  stage.world.KillDaemon();
  CHECK(stage.Look(stage.Shell()) == "hidden");
  stage.world.Must({"daemon", "start"});
  CHECK(OpenSessions(stage.world) == 2);

  stage.world.Must({"close", "topic"});
  REQUIRE(WaitUntil([&] { return OpenSessions(stage.world) == 0; }, std::chrono::seconds(30)));
  stage.world.Must({"open", "-b", "topic"});
  CHECK(stage.LookInside() == "hidden");

  // A shell that ends gives the pane back to the host's.
  stage.world.TypeInPane(stage.Shell(), "exit");
  REQUIRE(WaitUntil([&] { return OpenSessions(stage.world) == 1; }));
  CHECK(stage.Look(stage.Shell()) == "seen");
}

}  // namespace

TEST_CASE("Target: with all, a pane without a command is a shell of the sandbox (namespace)") {
  SandboxesEveryPane(Engine::kNamespace);
}
TEST_CASE("Target: with all, a pane without a command is a shell of the sandbox (Docker)") {
  SandboxesEveryPane(Engine::kDocker);
}

TEST_CASE("Target: with agent, a pane without a command is a shell of the host") {
  if (!Have(Engine::kNamespace)) return;
  Stage stage(Engine::kNamespace, "agent");
  stage.world.Must({"add", "-b", "topic"});
  REQUIRE(WaitUntil([&] { return OpenSessions(stage.world) == 1; }));
  CHECK(stage.Look(stage.Shell()) == "seen");
}

}  // namespace workmux::test
