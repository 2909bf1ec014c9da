// `workmux sandbox shell`: a sandbox like the agent's, or the agent's own.

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

using Catch::Contains;

constexpr Engine kAll[] = {Engine::kNamespace, Engine::kDocker, Engine::kPodman};
constexpr Engine kContainers[] = {Engine::kDocker, Engine::kPodman};

// Who runs, with which rights and limits, and what is mounted where and how; all but
// the bridge, which a shell has not.
constexpr char kPortrait[] =
    "id -u; id -g; id -G; pwd; echo \"$HOME\"; umask; "
    "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status; ulimit -u; ulimit -n; "
    "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max "
    "/sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; "
    "git config user.name; env | cut -d= -f1 | grep -Ev '^(WM_.*|_|SHLVL|HOSTNAME)$' | sort; "
    "cut -d' ' -f5,6 /proc/self/mountinfo | grep -v /run/workmux/bridge | sort";

std::vector<std::string> Script(std::vector<std::string> words, const std::string& script) {
  words.insert(words.end(), {"--", "sh", "-c", script});
  return words;
}

std::string LimitsFor(Engine engine) {
  if (engine == Engine::kNamespace) return ConfigFor(engine);
  return "sandbox:\n  backend: container\n  image: " + TestImage() +
         "\n  container: {runtime: " + NameOf(engine) + ", pids: 333, memory: 512m}\n";
}

std::unique_ptr<Program> StartAgent(const WorkmuxWorld& world, const std::string& mark) {
  auto program =
      world.Start({"sandbox", "run", ".", "--", "echo " + mark + "; echo ready; exec sleep 1000"});
  REQUIRE(program->Prints("ready"));
  return program;
}

std::vector<std::string> Sessions(const WorkmuxWorld& world) {
  std::vector<std::string> ids;
  for (const auto& entry : nlohmann::json::parse(world.Must({"sandbox", "list", "--json"})))
    ids.push_back(entry["session_id"]);
  return ids;
}

}  // namespace

TEST_CASE("Sandbox shell: the agent's mounts, identity and limits, and no bridge", "[shell]") {
  for (const Engine engine : kAll) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    const WorkmuxWorld world(LimitsFor(engine));
    const std::string bridge = "; env | grep -c ^WM_RPC; test -e /run/workmux/bridge; echo $?";
    const std::string agent =
        world.Must(Script({"sandbox", "run", "."}, std::string(kPortrait) + bridge));
    const std::string shell =
        world.Must(Script({"sandbox", "shell"}, std::string(kPortrait) + bridge));
    REQUIRE(agent.ends_with("\n3\n0"));
    REQUIRE(shell.ends_with("\n0\n1"));
    CHECK(agent.substr(0, agent.size() - 4) == shell.substr(0, shell.size() - 4));
    CHECK(shell.starts_with(Format("{}\n{}\n", ::geteuid(), ::getegid())));
    if (engine == Engine::kDocker) CHECK_THAT(shell, Contains("\n333\n") && Contains("536870912"));
  }
}

TEST_CASE("Sandbox shell: --exec is inside as the agent is", "[shell]") {
  for (const Engine engine : kContainers) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    const WorkmuxWorld world(LimitsFor(engine));
    const auto agent = world.Start(
        {"sandbox", "run", ".", "--", std::string(kPortrait) + "; echo ready; exec sleep 1000"});
    REQUIRE(agent->Prints("ready"));
    const std::string entered = world.Must(Script({"sandbox", "shell", "-e"}, kPortrait));
    CHECK(agent->out() == entered + "\nready\n");
    CHECK(entered.starts_with(Format("{}\n{}\n", ::geteuid(), ::getegid())));
    // A shell by itself, with its commands on standard input.
    CHECK(world.Must({"sandbox", "shell", "-e"},
                     {.cwd = {}, .env = {}, .input = "id -u; exit 0\n"}) ==
          Format("{}", ::geteuid()));
    CHECK(world.Run(Script({"sandbox", "shell", "-e"}, "exit 7")).exit.code == 7);
    // What the sandbox has it keeps.
    CHECK(world.Run({"sandbox", "shell", "-e", "--image", "other"}).exit.code == 125);
  }
}

TEST_CASE("Sandbox shell: of several sandboxes the newest, or the one that is named", "[shell]") {
  for (const Engine engine : kContainers) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    const WorkmuxWorld world(ConfigFor(engine));
    const auto older = StartAgent(world, "older");
    const auto newer = StartAgent(world, "newer");
    const auto log = [&](std::vector<std::string> more) {
      more.insert(more.begin(), {"sandbox", "logs"});
      return world.Must(more);
    };
    const std::vector<std::string> sessions = Sessions(world);
    REQUIRE(sessions.size() == 2);
    const std::string first =
        log({"--session", sessions[0]}).starts_with("older") ? sessions[0] : sessions[1];
    CHECK(log({"--session", first}) == "older\nready");
    CHECK(log({}) == "newer\nready");

    const std::string host = "hostname";
    const std::string newest = world.Must({"sandbox", "shell", "-e", "--", host});
    const std::string named = world.Must({"sandbox", "shell", "--session", first, "--", host});
    CHECK(newest != named);
    // From anywhere: the session says which worktree.
    CHECK(world.Must({"sandbox", "shell", "--session", first, "--", "pwd"},
                     {.cwd = "/", .env = {}, .input = {}}) == world.repo().string());
    const CommandResult none = world.Run({"sandbox", "shell", "--session", "none", "--", "true"});
    CHECK(none.exit.code == 125);
    CHECK_THAT(none.err, Contains("'none'") && Contains("hint: "));

    world.Must({"sandbox", "stop", "--session", first, "--backend", "container"});
    CHECK(older->Wait() != 0);
    CHECK(Sessions(world) ==
          std::vector<std::string>{first == sessions[0] ? sessions[1] : sessions[0]});
    CHECK_FALSE(newer->Ended());
  }
}

TEST_CASE("Sandbox agent: a command of one's own, and only in a repository", "[shell]") {
  for (const Engine engine : kAll) {
    if (!Have(engine)) continue;
    INFO(NameOf(engine));
    const WorkmuxWorld world(ConfigFor(engine, "agent: ./agent.sh\n"));
    WriteFile(world.repo() / "agent.sh", "#!/bin/sh\necho the agent \"$@\"; exit 6\n");
    std::filesystem::permissions(world.repo() / "agent.sh", std::filesystem::perms::owner_all);
    const CommandResult configured = world.Run({"sandbox", "agent"});
    CHECK(configured.out == "the agent\n");
    CHECK(configured.exit.code == 6);
    // An argument vector, with the bridge.
    CHECK(world.Must({"sandbox", "agent", "--", "printf", "%s|", "a b", "$HOME"}) == "a b|$HOME|");
    CHECK(world.Must(Script({"sandbox", "agent"}, "env | grep -c ^WM_RPC")) == "3");
    const CommandResult outside =
        world.Run({"sandbox", "agent", "--", "true"}, {.cwd = "/", .env = {}, .input = {}});
    CHECK(outside.exit.code == 125);
    CHECK_THAT(outside.err, Contains("git") && Contains("hint: "));
  }
}

}  // namespace workmux::test
