#include <csignal>
#include <functional>

#include "common/base/strings.h"
#include "common/io/socket.h"
#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

using Catch::Contains;

namespace fs = std::filesystem;

namespace {

std::vector<std::string> InSandbox(const std::string& script) {
  return {"sandbox", "run", ".", "--", "sh", "-c", script};
}

void KeepsTheSshAgentOut(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine));
  const fs::path agent = world.area() / "ssh-agent";
  const fs::path control = world.repo() / "in-the-worktree";
  const UniqueFd listener = Must(ListenUnix(agent));
  const UniqueFd mounted = Must(ListenUnix(control));
  world.env()["SSH_AUTH_SOCK"] = agent;
  const std::string script = "echo \"[${SSH_AUTH_SOCK-unset}]\"; test -S " + agent.string() +
                             " && echo agent-is-there; test -S " + control.string() +
                             " && echo control-is-there; exit 0";
  for (const char* command : {"run", "agent", "shell"}) {
    INFO(command);
    std::vector<std::string> words = {"sandbox", command, "--", "sh", "-c", script};
    if (std::string_view(command) == "run") words.insert(words.begin() + 2, ".");
    const CommandResult result = world.Run(words);
    INFO(result.err);
    CHECK(result.out == "[unset]\ncontrol-is-there\n");
  }
}

// What a sandbox did to a worktree that was added while it ran.
std::string Tampered(WorkmuxWorld& world, const fs::path& start, const fs::path& added,
                     const std::function<void()>& add) {
  fs::remove(start / "go");
  const std::string script =
      "echo ready; while [ ! -e go ]; do sleep 0.05; done; touch mine && echo mine; "
      "touch " +
      (world.repo() / "in-main").string() +
      " && echo main; "
      "echo 'gitdir: /forged' > " +
      (added / ".git").string() +
      " && echo forged; "
      "mv " +
      added.string() + " " + added.string() + "-moved && echo moved; echo end";
  auto sandbox =
      world.Start({"sandbox", "run", start.string(), "--", "sh", "-c", script + " 2>/dev/null"});
  INFO(sandbox->err());
  REQUIRE(sandbox->Prints("ready"));
  add();
  Touch(start / "go");
  REQUIRE(sandbox->Prints("end"));
  CHECK(sandbox->Wait() == 0);
  return Join(SplitLines(sandbox->out()), " ");
}

void ProtectsNewWorktrees(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine, "worktree_dir: .trees\n"));
  world.StartTmux();
  world.Must({"add", "-b", "first"});
  const fs::path trees = world.repo() / ".trees";
  CHECK(Tampered(world, trees / "first", trees / "second", [&] {
          world.Must({"add", "-b", "second"});
        }) == "ready mine main end");
  CHECK_THAT(ReadWholeFile(trees / "second/.git"), Contains((world.repo() / ".git").string()));
  // Control: one that is made behind workmux's back, elsewhere in the main checkout.
  const fs::path naked = world.repo() / "naked";
  CHECK(Tampered(world, trees / "first", naked, [&] {
          world.git().Git({"worktree", "add", "--quiet", "-b", "naked", naked.string()});
        }) == "ready mine main forged moved end");
}

void RefusesExposedWorktrees(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine, "worktree_dir: .trees\n"));
  world.StartTmux();
  auto sandbox = world.Start(InSandbox("echo ready; exec sleep 1000"));
  REQUIRE(sandbox->Prints("ready"));
  const CommandResult refused = world.Run({"add", "-b", "topic"});
  CHECK(refused.exit.code == 1);
  CHECK_THAT(refused.err, Contains("can write") && Contains("hint: "));
  CHECK_FALSE(fs::exists(world.repo() / ".trees"));
  CHECK(world.git().Git({"branch", "--list", "topic"}).empty());
  sandbox->Signal(SIGTERM);
  sandbox->Wait();
  REQUIRE(WaitUntil([&] { return OpenSessions(world) == 0; }));
  world.Must({"add", "-b", "topic"});
  CHECK(fs::exists(world.repo() / ".trees/topic/.git"));
}

// A worktree whose path is full of what others give a meaning.
void RunsInOddPaths(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine));
  for (const char* name :
       {"a,readonly,b", "c:ro", "with blank  s", "\"quoted\"", "it's", "source=x,target=y", "$HOME",
        "back\\slash", "%s{}", "sch\u00f6n", "-v", "a\"b,c",
        "a-name-that-is-much-longer-than-the-name-of-a-host-may-be-on-linux"}) {
    INFO(name);
    const fs::path path = world.area() / "odd" / name;
    world.git().Git({"worktree", "add", "--quiet", "--detach", "--", path.string()});
    const CommandResult result =
        world.Run(InSandbox("pwd && git rev-parse --show-toplevel && : > made-inside"),
                  {.cwd = path, .env = {}, .input = {}});
    INFO(result.err);
    CHECK(result.exit.code == 0);
    CHECK(result.out == path.string() + "\n" + path.string() + "\n");
    CHECK(fs::exists(path / "made-inside"));
  }
  REQUIRE(WaitUntil(
      [&] { return OpenSessions(world) == 0 && LivingSandboxes(world, engine).empty(); }));
  for (const char* name : {"new\nline", "carriage\rreturn", "escape\x1b[2J"}) {
    INFO(name);
    const fs::path path = world.area() / "odd" / name;
    world.git().Git({"worktree", "add", "--quiet", "--detach", "--", path.string()});
    const CommandResult result =
        world.Run(InSandbox(": > made-inside"), {.cwd = path, .env = {}, .input = {}});
    CHECK(result.exit.code == 125);
    CHECK_THAT(result.err, Contains("workmux: ") && Contains("hint: ") && !Contains("\x1b"));
    CHECK_FALSE(fs::exists(path / "made-inside"));
    CHECK(OpenSessions(world) == 0);
    CHECK(LivingSandboxes(world, engine).empty());
    world.git().Git({"worktree", "remove", "--force", "--", path.string()});
  }
  CHECK(fs::is_empty(world.runtime() / "workmux/s"));
}

// Another sandbox that swaps a source for a link to the home directory at the worst
// moment: when the daemon has looked for the last time and the engine mounts. The
// engine's client is in its place here.
void NoticesSwappedSources(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine, "worktree_dir: .trees\n"));
  const fs::path trees = world.repo() / ".trees";
  const fs::path unguarded = world.area() / "unguarded";
  WriteFile(world.home() / "key", "canary-of-the-host\n");
  WriteFile(trees / "key", "harmless\n");
  const std::string program = engine == Engine::kNamespace ? "bwrap" : NameOf(engine);
  const std::string mounting = engine == Engine::kNamespace ? "--args"
                               : engine == Engine::kPodman  ? "run"
                                                            : "start";
  world.Install(program, "#!/bin/bash\nargs=()\nfor a in \"$@\"; do\n  [ -e " + unguarded.string() +
                             " ] && case $a in /run/workmux/bin/workmux | enter) continue ;; esac\n"
                             "  args+=(\"$a\")\ndone\n" +
                             "[ \"$1\" = " + mounting + " ] && [ -e " + trees.string() +
                             "/swap ] && { mv " + trees.string() + " " + trees.string() +
                             "-old; ln -s ../home " + trees.string() +
                             "; }\nexec env PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin " +
                             program + " \"${args[@]}\"\n");
  const auto read_key = [&] { return world.Run(InSandbox("cat .trees/key")); };
  CHECK(read_key().out == "harmless\n");

  Touch(trees / "swap");
  const CommandResult refused = read_key();
  CHECK(refused.exit.code == 125);
  CHECK(refused.out.empty());
  // bubblewrap mounts through the link, over the home with the agent's settings:
  // then those are the first that are not what was looked at.
  CHECK_THAT(refused.err, Contains("leads elsewhere by now") && Contains("hint: "));
  CHECK(fs::is_symlink(trees));

  // Control: without the look from inside the sandbox reads what the link names.
  fs::remove(trees);
  fs::rename(trees.string() + "-old", trees);
  Touch(unguarded);
  CHECK(read_key().out == "canary-of-the-host\n");
}

}  // namespace

TEST_CASE("Isolation: no sandbox gets the caller's ssh agent (namespace)") {
  KeepsTheSshAgentOut(Engine::kNamespace);
}
TEST_CASE("Isolation: no sandbox gets the caller's ssh agent (Docker)") {
  KeepsTheSshAgentOut(Engine::kDocker);
}

TEST_CASE("Isolation: a worktree that is added in the main checkout is out of reach (namespace)") {
  ProtectsNewWorktrees(Engine::kNamespace);
}
TEST_CASE("Isolation: a worktree that is added in the main checkout is out of reach (Docker)") {
  ProtectsNewWorktrees(Engine::kDocker);
}

TEST_CASE("Isolation: no worktree is added where a running sandbox can write (namespace)") {
  RefusesExposedWorktrees(Engine::kNamespace);
}
TEST_CASE("Isolation: no worktree is added where a running sandbox can write (Docker)") {
  RefusesExposedWorktrees(Engine::kDocker);
}

TEST_CASE("Isolation: a worktree may have any path but one with control characters (namespace)") {
  RunsInOddPaths(Engine::kNamespace);
}
TEST_CASE("Isolation: a worktree may have any path but one with control characters (Docker)") {
  RunsInOddPaths(Engine::kDocker);
}

TEST_CASE("Isolation: a worktree may have any path but one with control characters (Podman)") {
  RunsInOddPaths(Engine::kPodman);
}

TEST_CASE("Isolation: a source that is swapped before it is mounted is noticed (namespace)") {
  NoticesSwappedSources(Engine::kNamespace);
}
TEST_CASE("Isolation: a source that is swapped before it is mounted is noticed (Docker)") {
  NoticesSwappedSources(Engine::kDocker);
}

TEST_CASE("Isolation: a source that is swapped before it is mounted is noticed (Podman)") {
  NoticesSwappedSources(Engine::kPodman);
}

TEST_CASE("Isolation: a client uses the daemon's engine, whatever its own shell names (Docker)") {
  if (!Have(Engine::kDocker)) return;
  WorkmuxWorld world(ConfigFor(Engine::kDocker));
  world.Must({"daemon", "start"});
  const WorkmuxWorld::Where plain = {.cwd = {}, .env = {}, .input = {}};
  WorkmuxWorld::Where elsewhere = plain;
  const std::string nowhere = "unix://" + (world.area() / "no-engine").string();
  SECTION("by DOCKER_HOST") { elsewhere.env = {{"DOCKER_HOST", nowhere}}; }
  SECTION("by DOCKER_CONTEXT") { elsewhere.env = {{"DOCKER_CONTEXT", "no-such-context"}}; }
  SECTION("by a configuration of its own") {
    elsewhere.env = {{"DOCKER_CONFIG", (world.area() / "docker").string()}};
    WriteFile(world.area() / "docker/config.json", R"({"currentContext": "no-such-context"})");
  }
  // Control: the engine's client by itself follows the shell.
  CHECK(world.RunCommand({"docker", "ps"}, plain).exit.ok());
  CHECK_FALSE(world.RunCommand({"docker", "ps"}, elsewhere).exit.ok());

  CHECK(world.Run(InSandbox("exit 7"), elsewhere).exit.code == 7);
  CHECK(world.Run({"sandbox", "shell", "--", "sh", "-c", "exit 9"}, elsewhere).exit.code == 9);
  auto sandbox = world.Start(InSandbox("echo ready; exec sleep 1000"));
  REQUIRE(sandbox->Prints("ready"));
  const CommandResult entered = world.Run(
      {"sandbox", "shell", "--exec", "--", "sh", "-c", "tr '\\0' ' ' </proc/1/cmdline; exit 5"},
      elsewhere);
  CHECK(entered.exit.code == 5);
  CHECK_THAT(entered.out, Contains("exec sleep 1000"));
}

TEST_CASE("Isolation: an agent is not added for another engine than the daemon's (Docker)") {
  if (!Have(Engine::kDocker)) return;
  WorkmuxWorld world(ConfigFor(Engine::kDocker, kAgentConfig));
  CommitAgent(world, kObedientAgent);
  world.StartTmux();
  world.Must({"daemon", "start"});
  const std::string nowhere = "unix://" + (world.area() / "no-engine").string();
  const CommandResult refused = world.Run(
      {"add", "-S", "-b", "topic"}, {.cwd = {}, .env = {{"DOCKER_HOST", nowhere}}, .input = {}});
  CHECK(refused.exit.code == 1);
  CHECK_THAT(refused.err, Contains("DOCKER_HOST") && Contains("hint: "));
  CHECK(world.git().Git({"branch", "--list", "topic"}).empty());
}

}  // namespace workmux::test
