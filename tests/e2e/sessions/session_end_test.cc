#include <csignal>

#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

constexpr std::chrono::seconds kGone{3};

// Ends with the signal that nobody can catch, so that nothing in it helps.
constexpr char kStubbornAgent[] = R"(#!/bin/sh
trap '' HUP TERM INT
workmux set-window-status working
(trap '' HUP TERM INT; while :; do sleep 0.05; done) &
while :; do sleep 0.05; done
)";

// A worktree "topic" whose agent runs in a pane, in a sandbox.
class RunningAgent {
 public:
  explicit RunningAgent(Engine engine) : engine_(engine), world_(ConfigFor(engine, kAgentConfig)) {
    CommitAgent(world_, kStubbornAgent);
    world_.StartTmux();
    world_.Must({"add", "-S", "-b", "topic"});
    pane_ = world_.PaneOfWindow("wm-topic");
    const bool working = WaitUntil([&] { return ShowsStatus(world_, "topic", "working"); },
                                   std::chrono::seconds(30));
    if (!working) FAIL(world_.PaneText(pane_));
    REQUIRE_FALSE(LivingSandboxes(world_, engine_).empty());
  }

  WorkmuxWorld& world() { return world_; }
  const std::string& pane() const { return pane_; }
  bool gone() const { return LivingSandboxes(world_, engine_).empty(); }
  pid_t client() const {
    for (const pid_t pid : world_.Processes()) {
      if (CommandLine(pid).find("workmux sandbox run ") != std::string::npos) return pid;
    }
    return 0;
  }

 private:
  Engine engine_;
  WorkmuxWorld world_;
  std::string pane_;
};

using EndIt = void (*)(RunningAgent&);
void KillPane(RunningAgent& agent) { agent.world().Tmux({"kill-pane", "-t", agent.pane()}); }
void KillTmux(RunningAgent& agent) { ::kill(agent.world().TmuxPid(), SIGKILL); }
void KillClient(RunningAgent& agent) {
  const pid_t client = agent.client();
  REQUIRE(client != 0);
  ::kill(client, SIGKILL);
}

void EndsSoon(Engine engine, EndIt end) {
  if (!Have(engine)) return;
  RunningAgent agent(engine);
  end(agent);
  CHECK(WaitUntil([&] { return agent.gone(); }, kGone));
  CHECK(WaitUntil([&] { return OpenSessions(agent.world()) == 0; }));
}

void EndsAtNextStart(Engine engine, EndIt end) {
  if (!Have(engine)) return;
  RunningAgent agent(engine);
  agent.world().Must({"daemon", "stop"});
  REQUIRE_FALSE(agent.gone());
  end(agent);
  REQUIRE(WaitUntil([&] { return agent.client() == 0; }, std::chrono::seconds(20)));
  agent.world().Must({"daemon", "start"});
  CHECK(WaitUntil([&] { return agent.gone(); }, std::chrono::seconds(45)));
  CHECK(WaitUntil([&] { return OpenSessions(agent.world()) == 0; }, std::chrono::seconds(45)));
}

}  // namespace

TEST_CASE("Session end: a killed pane ends its sandbox within 3 s (namespace)") {
  EndsSoon(Engine::kNamespace, &KillPane);
}
TEST_CASE("Session end: a killed pane ends its sandbox within 3 s (Docker)") {
  EndsSoon(Engine::kDocker, &KillPane);
}
TEST_CASE("Session end: a killed pane ends its sandbox within 3 s (Podman)") {
  EndsSoon(Engine::kPodman, &KillPane);
}
TEST_CASE("Session end: a killed tmux server ends its sandboxes within 3 s (namespace)") {
  EndsSoon(Engine::kNamespace, &KillTmux);
}
TEST_CASE("Session end: a killed tmux server ends its sandboxes within 3 s (Docker)") {
  EndsSoon(Engine::kDocker, &KillTmux);
}
TEST_CASE(
    "Session end: a client killed with SIGKILL takes its sandbox with it within 3 s (namespace)") {
  EndsSoon(Engine::kNamespace, &KillClient);
}
TEST_CASE(
    "Session end: a client killed with SIGKILL takes its sandbox with it within 3 s (Docker)") {
  EndsSoon(Engine::kDocker, &KillClient);
}

TEST_CASE(
    "Session end: a client killed with SIGKILL takes its sandbox with it within 3 s (Podman)") {
  EndsSoon(Engine::kPodman, &KillClient);
}

// Its Podman lives on, and would make the container that nobody waits for.
TEST_CASE("Session end: a client killed while its engine starts leaves nothing running (Podman)") {
  if (!Have(Engine::kPodman)) return;
  const WorkmuxWorld world(ConfigFor(Engine::kPodman));
  // Engine and image are known from here on.
  world.Must({"sandbox", "run", ".", "--", "true"});
  const auto engine_runs = [&] {
    for (const pid_t pid : world.Processes()) {
      if (CommandLine(pid).find("podman run ") != std::string::npos) return true;
    }
    return false;
  };
  for (int moment = 0; moment < 600; moment += 60) {
    INFO(moment << " ms");
    const auto client = world.Start({"sandbox", "run", ".", "--", "exec sleep 1000"});
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(moment);
    WaitUntil([&] { return std::chrono::steady_clock::now() >= until; });
    client->Signal(SIGKILL);
    client->Wait();
    CHECK(WaitUntil([&] { return OpenSessions(world) == 0 && !engine_runs(); }));
    CHECK(LivingSandboxes(world, Engine::kPodman).empty());
  }
  const auto control = world.Start({"sandbox", "run", ".", "--", "exec sleep 1000"});
  CHECK(WaitUntil([&] { return !LivingSandboxes(world, Engine::kPodman).empty(); }));
  control->Signal(SIGTERM);
  control->Wait();
}

TEST_CASE("Session end: a client killed while no daemon runs leaves nothing (namespace)") {
  EndsAtNextStart(Engine::kNamespace, &KillClient);
}
TEST_CASE(
    "Session end: a client killed while no daemon runs leaves a container to the next start "
    "(Docker)") {
  EndsAtNextStart(Engine::kDocker, &KillClient);
}
TEST_CASE("Session end: a pane killed while no daemon runs leaves nothing (namespace)") {
  EndsAtNextStart(Engine::kNamespace, &KillPane);
}
TEST_CASE(
    "Session end: a pane killed while no daemon runs leaves a container to the next start "
    "(Docker)") {
  EndsAtNextStart(Engine::kDocker, &KillPane);
}
TEST_CASE(
    "Session end: a tmux server killed while no daemon runs leaves a container to the next start "
    "(Docker)") {
  EndsAtNextStart(Engine::kDocker, &KillTmux);
}

}  // namespace workmux::test
