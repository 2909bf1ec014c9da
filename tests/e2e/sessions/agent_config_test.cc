#include <chrono>

#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

using Catch::Contains;
namespace fs = std::filesystem;

namespace {

std::string Login(const std::string& token) {
  return R"({"claudeAiOauth":{"accessToken":")" + token + R"("}})";
}

// As Claude Code writes it: a new file over the old one.
std::string LogIn(const std::string& token) {
  return "cd ~/.claude && printf '%s' '" + Login(token) + "' >new && mv new .credentials.json";
}

std::string WaitFor(const std::string& token) {
  return "until grep -qs " + token +
         " ~/.claude/.credentials.json; do sleep 0.02; done; echo has-" + token;
}

bool HostHas(const WorkmuxWorld& world, const std::string& token) {
  return ReadWholeFile(world.home() / ".claude/.credentials.json").find(token) != std::string::npos;
}

CommandResult Inside(const WorkmuxWorld& world, const fs::path& worktree,
                     const std::string& script) {
  return world.Run({"sandbox", "run", worktree.string(), "--", script});
}

void KeepsLoginsInStep(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine));
  const fs::path other = world.git().AddWorktree("other");
  auto second = world.Start({"sandbox", "run", other.string(), "--",
                             "echo ready; " + WaitFor("first") + "; " + WaitFor("second") +
                                 "; touch logs-in; " + LogIn("third")});
  REQUIRE(second->Prints("ready"));
  const CommandResult first = Inside(world, world.repo(), LogIn("first"));
  INFO(first.out << first.err);
  CHECK(first.exit.ok());
  CHECK(second->Prints("has-first"));
  // Its own file only: the rest of the host's directory is not made by it.
  CHECK(HostHas(world, "first"));
  WriteFile(world.home() / ".claude/new", Login("second"));
  fs::rename(world.home() / ".claude/new", world.home() / ".claude/.credentials.json");
  CHECK(second->Prints("has-second"));
  CHECK(second->Wait() == 0);
  CHECK(WaitUntil([&] { return HostHas(world, "third"); }));
  // And in a sandbox that starts afterwards.
  CHECK_THAT(Inside(world, world.repo(), "cat ~/.claude/.credentials.json").out, Contains("third"));
}

void SurvivesTheDaemon(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine));
  auto agent = world.Start({"sandbox", "run", ".", "--",
                            "echo ready; until [ -e go ]; do sleep 0.02; done; " +
                                LogIn("meanwhile") + "; echo logged-in; " + WaitFor("later")});
  REQUIRE(agent->Prints("ready"));
  world.KillDaemon();
  Touch(world.repo() / "go");
  REQUIRE(agent->Prints("logged-in"));
  // Its client starts the next daemon.
  CHECK(WaitUntil([&] { return HostHas(world, "meanwhile"); }));
  WriteFile(world.home() / ".claude/.credentials.json", Login("later"));
  CHECK(agent->Prints("has-later"));
  CHECK(agent->Wait() == 0);
}

void KeepsStateByWorktree(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine));
  WriteFile(world.home() / ".claude/settings.json", "{\"model\":\"host\"}");
  WriteFile(world.home() / ".claude/skills/s/SKILL.md", "a skill");
  const fs::path other = world.git().AddWorktree("other");
  // The file that Claude renames over, and then writes in place, is there.
  const std::string in_place =
      "grep -q hasCompletedOnboarding ~/.claude.json && echo own >~/.t && "
      "! mv -f ~/.t ~/.claude.json 2>/dev/null; echo '{\"mcpServers\":{\"mine\":1}}' "
      ">~/.claude.json; "
      "mkdir -p ~/.claude/projects && echo said >~/.claude/projects/conversation";
  const CommandResult wrote = Inside(world, world.repo(), in_place);
  INFO(wrote.out << wrote.err);
  CHECK(wrote.exit.ok());
  const std::string look =
      "cat ~/.claude.json ~/.claude/projects/conversation ~/.claude/settings.json "
      "~/.claude/skills/s/SKILL.md";
  const std::string again = Inside(world, world.repo(), look).out;
  CHECK_THAT(again,
             Contains("mine") && Contains("said") && Contains("host") && Contains("a skill"));
  const std::string elsewhere = Inside(world, other, look).out;
  CHECK_THAT(elsewhere, Contains("hasCompletedOnboarding") && Contains("host"));
  CHECK_THAT(elsewhere, !Contains("mine") && !Contains("said"));
  CHECK_FALSE(fs::exists(world.home() / ".claude/projects"));
  // What is the host's cannot be written, nor moved away.
  CHECK_FALSE(Inside(world, world.repo(), "echo x >~/.claude/skills/s/SKILL.md").exit.ok());
  CHECK_FALSE(Inside(world, world.repo(), "mv ~/.claude/skills ~/.claude/gone").exit.ok());
}

void StartsTheAgentThatWasAskedFor(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine,
                               "agents:\n  work:\n    command: claude\n    env:\n"
                               "      CLAUDE_CONFIG_DIR: @HOME@/.claude-work\n"));
  std::string config = ReadWholeFile(world.home() / ".config/workmux/config.yaml");
  config.replace(config.find("@HOME@"), 6, world.home().string());
  world.SetConfig(config);
  WriteFile(world.home() / ".codex/config.toml", "of-codex");
  WriteFile(world.home() / ".claude-work/settings.json", "of-work");
  const auto run = [&](const std::string& agent, const std::string& script) {
    const CommandResult result = world.Run({"sandbox", "run", ".", "--agent", agent, "--", script});
    INFO(result.err);
    CHECK(result.exit.ok());
    return result.out;
  };
  CHECK_THAT(run("codex", "cat \"${CODEX_HOME:-$HOME/.codex}\"/config.toml; ls -A ~"),
             Contains("of-codex") && !Contains(".claude"));
  CHECK_THAT(run("work", "cat " + (world.home() / ".claude-work/settings.json").string()),
             Contains("of-work"));
  // Named in the global file, made when absent.
  world.SetConfig(ConfigFor(engine) + "  agent_config_dir: ~/agents/{agent}\n");
  world.Must({"sandbox", "run", ".", "--agent", "codex", "--", "true"});
  CHECK(fs::is_directory(world.home() / "agents/codex"));
}

void GoesWithItsWorktree(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine));
  world.StartTmux();
  world.Must({"add", "short", "-b"});
  const fs::path worktree = world.Must({"path", "short"});
  CHECK(Inside(world, worktree, "echo said >~/.claude/conversation").exit.ok());
  const auto copies = [&] {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(world.state() / "agents")) {
      const std::string name = entry.path().filename().string();
      count += entry.is_directory() && name != "trash" ? 1 : 0;
    }
    return count;
  };
  CHECK(copies() == 1);
  world.Must({"remove", "short", "--force"});
  CHECK(copies() == 0);
}

}  // namespace

TEST_CASE("Agent config: logins are in step between host and running sandboxes (namespace)") {
  KeepsLoginsInStep(Engine::kNamespace);
}
TEST_CASE("Agent config: logins are in step between host and running sandboxes (Docker)") {
  KeepsLoginsInStep(Engine::kDocker);
}

TEST_CASE("Agent config: a login made while the daemon was dead is taken (namespace)") {
  SurvivesTheDaemon(Engine::kNamespace);
}
TEST_CASE("Agent config: a login made while the daemon was dead is taken (Docker)") {
  SurvivesTheDaemon(Engine::kDocker);
}

TEST_CASE(
    "Agent config: conversations stay with the worktree, settings are the host's (namespace)") {
  KeepsStateByWorktree(Engine::kNamespace);
}
TEST_CASE("Agent config: conversations stay with the worktree, settings are the host's (Docker)") {
  KeepsStateByWorktree(Engine::kDocker);
}

TEST_CASE("Agent config: the directory is that of the agent that is started (namespace)") {
  StartsTheAgentThatWasAskedFor(Engine::kNamespace);
}
TEST_CASE("Agent config: the directory is that of the agent that is started (Docker)") {
  StartsTheAgentThatWasAskedFor(Engine::kDocker);
}

TEST_CASE("Agent config: a sandbox's copy goes with its worktree (namespace)") {
  GoesWithItsWorktree(Engine::kNamespace);
}

TEST_CASE("Agent config: a project cannot ask for the host's directory") {
  if (!Have(Engine::kNamespace)) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  WriteFile(world.home() / ".claude/settings.json", "{}");
  world.SetProjectConfig("sandbox:\n  agent_config: shared\n  agent_config_dir: /etc\n");
  const CommandResult result = Inside(world, world.repo(), "echo x >~/.claude/planted");
  INFO(result.err);
  CHECK(result.exit.ok());
  CHECK_THAT(result.err, Contains("sandbox.agent_config") && Contains("sandbox.agent_config_dir"));
  CHECK_FALSE(fs::exists(world.home() / ".claude/planted"));
}

}  // namespace workmux::test
