#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/process/posix_command_runner.h"
#include "tests/e2e/sessions/engine.h"
#include "tests/support/build_tree.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

using Catch::Contains;

namespace {

// Reports the way to the host in a file, then runs what it finds in "script".
constexpr char kScriptedAgent[] = R"(#!/bin/sh
env | grep ^WM_ >bridge.env
workmux set-window-status working
while :; do
  if [ -e script ]; then mv script running; sh ./running >script.out 2>&1; echo $? >code; fi
  sleep 0.05
done
)";

class ScriptedAgent {
 public:
  explicit ScriptedAgent(Engine engine, const std::string& tmux_config = "")
      : world_(ConfigFor(engine, kAgentConfig)) {
    CommitAgent(world_, kScriptedAgent);
    world_.StartTmux(tmux_config);
    world_.Must({"add", "-S", "-b", "topic"});
    worktree_ = world_.Must({"path", "topic"});
    pane_ = world_.PaneOfWindow("wm-topic");
    const bool working = WaitUntil([&] { return ShowsStatus(world_, "topic", "working"); },
                                   std::chrono::seconds(30));
    if (!working) FAIL(world_.PaneText(pane_));
  }

  WorkmuxWorld& world() { return world_; }
  const std::string& pane() const { return pane_; }
  // Runs a shell script inside; its exit code.
  int Inside(const std::string& script) {
    WriteFile(worktree_ / "next", script);
    std::filesystem::rename(worktree_ / "next", worktree_ / "script");
    REQUIRE(WaitUntil([&] { return ReadWholeFile(worktree_ / "code").ends_with('\n'); },
                      std::chrono::seconds(30)));
    out_ = ReadWholeFile(worktree_ / "script.out");
    const int code = std::stoi(ReadWholeFile(worktree_ / "code"));
    std::filesystem::remove(worktree_ / "code");
    return code;
  }
  const std::string& out() const { return out_; }
  std::string Variable(const std::string& name) const {
    for (const std::string& line : SplitLines(ReadWholeFile(worktree_ / "bridge.env"))) {
      if (line.starts_with(name + "=")) return line.substr(name.size() + 1);
    }
    return {};
  }
  // What `status` shows as the title.
  std::string Title() const {
    const auto json = nlohmann::json::parse(world_.Must({"status", "--json"}));
    const auto& title = json["agents"][0]["title"];
    return title.is_string() ? title.get<std::string>() : std::string();
  }

 private:
  WorkmuxWorld world_;
  std::filesystem::path worktree_;
  std::string pane_;
  std::string out_;
};

// A container that has the token and the way over TCP, but not the socket.
CommandResult OverTcp(const ScriptedAgent& agent, const std::string& token,
                      std::vector<std::string> words) {
  const std::string guest = (BinaryDir() / "lib/workmux/guest/workmux-guest").string();
  Command command;
  command.argv = {"docker",
                  "run",
                  "--rm",
                  "--add-host",
                  agent.Variable("WM_RPC_HOST") + ":host-gateway",
                  "--volume",
                  guest + ":/workmux:ro",
                  "--env",
                  "WM_SANDBOX_GUEST=1",
                  "--env",
                  "WM_RPC_HOST=" + agent.Variable("WM_RPC_HOST"),
                  "--env",
                  "WM_RPC_PORT=" + agent.Variable("WM_RPC_PORT"),
                  "--env",
                  "WM_RPC_TOKEN=" + token,
                  "--",
                  TestImage(),
                  "/workmux"};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  command.env = CurrentEnv();
  return *PosixCommandRunner().Run(command, {});
}

void TitlesAreInert(Engine engine) {
  if (!Have(engine)) return;
  // Everything that tmux draws by itself from a window's name and options.
  ScriptedAgent agent(
      engine,
      "set -g status on\nset -g status-interval 1\nset -g set-titles on\n"
      "set -g window-status-format '#I:#W:#{pane_title}'\nset -g pane-border-status top\n");
  auto client = agent.world().StartCommand(
      {"tmux", "-u", "-S", agent.world().tmux_socket(), "attach-session", "-t", "main"},
      Program::Terminal{});
  const std::filesystem::path marker = agent.world().area() / "marker";
  const std::string job = "#(touch " + marker.string() + ")";

  CHECK(agent.Inside("workmux set-window-title '" + job + "'") == 0);
  CHECK(agent.Inside("workmux set-window-title '#{l:" + job + "}#{E:@x}#[fg=red]'") == 0);
  CHECK(agent.Inside("workmux set-window-title \"$(printf 'two\\nlines\\033]0;x\\007')\"") == 0);
  CHECK(WaitUntil([&] { return agent.Title().find("two") != std::string::npos; }));
  CHECK_THAT(agent.Title(), !Contains("\n") && !Contains("\033"));
  CHECK(agent.Inside("workmux set-window-title \"$(head -c 100000 /dev/zero | tr '\\0' x)\"") == 0);
  CHECK(WaitUntil([&] { return agent.Title().find("xxx") != std::string::npos; }));
  CHECK(agent.Title().size() < 1000);
  CHECK(agent.Inside("workmux set-window-title '" + job + "'") == 0);
  CHECK(WaitUntil([&] { return agent.Title().find("touch") != std::string::npos; }));
  // A status makes tmux draw the window's name again.
  CHECK(agent.Inside("workmux set-window-status waiting") == 0);
  CHECK(WaitUntil([&] { return client->out().find("💬") != std::string::npos; }));
  CHECK_FALSE(std::filesystem::exists(marker));

  // The same title, shown the naive way.
  CHECK(WaitUntil([&] {
    agent.world().Tmux({"rename-window", "-t", agent.pane(), job});
    return std::filesystem::exists(marker);
  }));
}

}  // namespace

TEST_CASE("Guest: over TCP a status arrives with the token and nothing without it") {
  if (!Have(Engine::kDocker)) return;
  ScriptedAgent agent(Engine::kDocker);
  const std::string token = agent.Variable("WM_RPC_TOKEN");
  REQUIRE(token.size() >= 32);
  const CommandResult heartbeat = OverTcp(agent, token, {"heartbeat"});
  INFO(heartbeat.err);
  CHECK(heartbeat.exit.code == 0);

  std::string wrong = token;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  for (const std::string& bad : {wrong, token.substr(1), std::string(" "), token + token}) {
    const CommandResult refused = OverTcp(agent, bad, {"set-window-status", "done"});
    CHECK(refused.exit.code == 1);
    CHECK_THAT(refused.err, Contains("unauthenticated"));
  }
  CHECK(ShowsStatus(agent.world(), "topic", "working"));
  CHECK(OverTcp(agent, token, {"set-window-status", "waiting"}).exit.code == 0);
  CHECK(WaitUntil([&] { return ShowsStatus(agent.world(), "topic", "waiting"); }));
}

TEST_CASE("Guest: the token of one sandbox is worth nothing at another's bridge") {
  if (!Have(Engine::kDocker)) return;
  ScriptedAgent agent(Engine::kDocker);
  auto other = agent.world().Start(
      {"sandbox", "run", ".", "--", "sh", "-c", "echo \"token=$WM_RPC_TOKEN\"; exec sleep 1000"});
  REQUIRE(WaitUntil([&] { return other->out().find('\n') != std::string::npos; },
                    std::chrono::seconds(20)));
  const std::string token = other->out().substr(6, other->out().find('\n') - 6);
  CHECK(OverTcp(agent, token, {"set-window-status", "done"}).exit.code == 1);
  CHECK(agent.Inside("WM_RPC_TOKEN=" + token + " workmux set-window-status done") == 1);
  CHECK(ShowsStatus(agent.world(), "topic", "working"));
}

TEST_CASE("Guest: a restarted daemon listens where the old one did (Docker)") {
  if (!Have(Engine::kDocker)) return;
  ScriptedAgent agent(Engine::kDocker);
  agent.world().KillDaemon();
  agent.world().Must({"daemon", "start"});
  CHECK(OverTcp(agent, agent.Variable("WM_RPC_TOKEN"), {"set-window-status", "done"}).exit.code ==
        0);
  CHECK(WaitUntil([&] { return ShowsStatus(agent.world(), "topic", "done"); }));
}

TEST_CASE("Guest: hostile titles are text and nothing else (namespace)") {
  TitlesAreInert(Engine::kNamespace);
}
TEST_CASE("Guest: hostile titles are text and nothing else (Docker)") {
  TitlesAreInert(Engine::kDocker);
}

}  // namespace workmux::test
