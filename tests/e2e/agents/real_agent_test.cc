#include <cstdlib>
#include <iostream>

#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

namespace fs = std::filesystem;

namespace {

// An agent as npm installs it, beside a model that answers once the worktree has a
// file `answer` (tests/env/agents).
struct RealAgent {
  std::string name;
  std::string directory;  // of its settings, below the home
  std::string settings;   // its file in there
  std::string content;
  std::string hooks;  // its file of hooks; may be `settings`
  // What it shows at its first start in a directory, each with the key to press.
  std::vector<std::pair<std::string, std::string>> questions;
};

constexpr char kHooks[] = R"({"hooks":{
  "UserPromptSubmit":[{"hooks":[{"type":"command","command":"workmux set-window-status working"}]}],
  "Stop":[{"hooks":[{"type":"command","command":"workmux set-window-status done"}]}]}})";

RealAgent Claude() { return {"claude", ".claude", "settings.json", kHooks, "settings.json", {}}; }

RealAgent Codex() {
  constexpr char kConfig[] = R"(model = "gpt-5"
model_provider = "local"
[model_providers.local]
name = "local"
base_url = "http://127.0.0.1:9911/v1"
wire_api = "responses"
requires_openai_auth = false
)";
  return {"codex",
          ".codex",
          "config.toml",
          kConfig,
          "hooks.json",
          {{"› 1. Trust and continue", "Enter"},
           {"› 1. Review hooks", "Down"},
           {"› 2. Trust all and continue", "Enter"}}};
}

std::string Config(Engine engine, const RealAgent& agent, const std::string& agents_dir) {
  return ConfigFor(engine, "agent: real\nagents:\n  real:\n    command: /opt/agents/" + agent.name +
                               "\n    type: " + agent.name + "\n") +
         "  extra_mounts:\n    - {host_path: " + agents_dir +
         ", guest_path: /opt/agents}\n"
         "  env:\n    ANTHROPIC_BASE_URL: http://127.0.0.1:9911\n"
         "    ANTHROPIC_AUTH_TOKEN: none\n";
}

// As a person does: an agent takes no key in the first moments of a question.
void AnswerQuestions(WorkmuxWorld& world, const RealAgent& agent, const std::string& pane) {
  const auto shows = [&](const std::string& text) {
    return world.Tmux({"capture-pane", "-p", "-t", pane}).find(text) != std::string::npos;
  };
  for (const auto& [text, key] : agent.questions) {
    const bool asked = WaitUntil([&, &wanted = text] { return shows(wanted); });
    INFO(text << ":\n" << world.PaneText(pane));
    REQUIRE(asked);
    REQUIRE(WaitUntil([&, &seen = text, &press = key] {
      world.Tmux({"send-keys", "-t", pane, press});
      return WaitUntil([&] { return !shows(seen); }, std::chrono::seconds(3));
    }));
  }
}

void StatusFollowsItsHooks(Engine engine, const RealAgent& agent) {
  const char* agents_dir = std::getenv("WORKMUX_TEST_AGENTS");
  if (agents_dir == nullptr || *agents_dir == '\0') {
    std::cout << "SKIPPED: no agents are installed (tests/run does it from npm)\n";
    return;
  }
  if (!Have(engine)) return;
  WorkmuxWorld world(Config(engine, agent, agents_dir));
  const fs::path own = world.home() / agent.directory;
  WriteFile(own / agent.settings, agent.content);
  WriteFile(own / agent.hooks, kHooks);
  // Claude's file for sandboxes says what it asks for otherwise.
  const fs::path worktree = world.area() / "repo__worktrees/feature";
  WriteFile(world.home() / ".claude-sandbox.json",
            R"({"hasCompletedOnboarding":true,"bypassPermissionsModeAccepted":true,"projects":{")" +
                worktree.string() + R"(":{"hasTrustDialogAccepted":true}}})");
  world.StartTmux();
  world.Must({"add", "feature", "-S", "-p", "Say something."});
  const std::string pane = world.PaneOfWindow("wm-feature");
  REQUIRE_FALSE(pane.empty());
  AnswerQuestions(world, agent, pane);
  const auto reaches = [&](const std::string& status) {
    const bool reached = WaitUntil([&] { return ShowsStatus(world, "feature", status); });
    INFO(status << ":\n" << world.PaneText(pane));
    CHECK(reached);
    return reached;
  };
  REQUIRE(reaches("working"));
  Touch(worktree / "answer");
  REQUIRE(reaches("done"));
  CHECK(
      WaitUntil([&] { return world.PaneText(pane).find("Nothing to do.") != std::string::npos; }));
  // It ran on a copy: what it remembers of the conversation is not among the host's files.
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(own)) files += entry.is_regular_file();
  CHECK(files == (agent.settings == agent.hooks ? 1 : 2));
  CHECK(world.Run({"remove", "--force", "feature"}).exit.ok());
  CHECK(WaitUntil([&] { return LivingSandboxes(world, engine).empty(); }));
}

}  // namespace

TEST_CASE("Real agent: Claude Code's hooks change the window's status (Docker)") {
  StatusFollowsItsHooks(Engine::kDocker, Claude());
}

TEST_CASE("Real agent: Claude Code's hooks change the window's status (Podman)") {
  StatusFollowsItsHooks(Engine::kPodman, Claude());
}

TEST_CASE("Real agent: Codex' hooks change the window's status (Docker)") {
  StatusFollowsItsHooks(Engine::kDocker, Codex());
}

TEST_CASE("Real agent: Codex' hooks change the window's status (Podman)") {
  StatusFollowsItsHooks(Engine::kPodman, Codex());
}

}  // namespace workmux::test
