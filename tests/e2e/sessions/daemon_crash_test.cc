#include <set>

#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

void AgentSurvivesTheDaemon(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine, kAgentConfig));
  CommitAgent(world, kObedientAgent);
  world.StartTmux();
  world.Must({"add", "-S", "-b", "topic"});
  const std::filesystem::path worktree = world.Must({"path", "topic"});
  const std::string pane = world.PaneOfWindow("wm-topic");
  REQUIRE_FALSE(pane.empty());
  const bool working =
      WaitUntil([&] { return ShowsStatus(world, "topic", "working"); }, std::chrono::seconds(30));
  if (!working) FAIL(world.PaneText(pane));
  // A shell that starts another program is there twice for a moment.
  const auto living = [&] {
    const std::vector<std::string> found = LivingSandboxes(world, engine);
    return std::set<std::string>(found.begin(), found.end());
  };
  const auto before = living();
  REQUIRE_FALSE(before.empty());

  const pid_t first = world.Daemon();
  world.KillDaemon();
  CHECK(living() == before);

  CHECK(ShowsStatus(world, "topic", "working"));
  const pid_t second = world.Daemon();
  CHECK(second != 0);
  CHECK(second != first);
  CHECK(OpenSessions(world) == 1);

  Touch(worktree / "wait");
  CHECK(WaitUntil([&] { return world.PaneText(pane).find("agent-waits") != std::string::npos; }));
  CHECK(WaitUntil([&] { return ShowsStatus(world, "topic", "waiting"); }));

  Touch(worktree / "exit");
  CHECK(WaitUntil([&] { return LivingSandboxes(world, engine).empty(); }));
  world.TypeInPane(pane, "echo pane-code=$?");
  CHECK(WaitUntil([&] { return world.PaneText(pane).find("\npane-code=7") != std::string::npos; }));
  CHECK(WaitUntil([&] { return OpenSessions(world) == 0; }));
}

}  // namespace

TEST_CASE(
    "kill -9 workmuxd while an agent runs: the agent goes on, the next client call brings a daemon "
    "that "
    "shows it with its status, its next set-window-status arrives, the pane ends with the agent's "
    "exit "
    "code (namespace)") {
  AgentSurvivesTheDaemon(Engine::kNamespace);
}

TEST_CASE(
    "kill -9 workmuxd while an agent runs: the agent goes on, the next client call brings a daemon "
    "that "
    "shows it with its status, its next set-window-status arrives, the pane ends with the agent's "
    "exit "
    "code (Docker)") {
  AgentSurvivesTheDaemon(Engine::kDocker);
}

TEST_CASE(
    "kill -9 workmuxd while an agent runs: the agent goes on, the next client call brings a daemon "
    "that "
    "shows it with its status, its next set-window-status arrives, the pane ends with the agent's "
    "exit "
    "code (Podman)") {
  AgentSurvivesTheDaemon(Engine::kPodman);
}

}  // namespace workmux::test
