#include "common/base/strings.h"
#include "tests/e2e/sessions/engine.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {

using Catch::Contains;

namespace {

bool SameModes(const termios& a, const termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag &&
         a.c_lflag == b.c_lflag;
}

std::unique_ptr<Program> OnTerminal(const WorkmuxWorld& world, const std::string& script) {
  return world.Start({"sandbox", "run", ".", "--", "sh", "-c", script},
                     Program::Terminal{.rows = 37, .columns = 91});
}

void FollowsTheSize(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine));
  auto program = OnTerminal(world, "echo ready; while :; do stty size; sleep 0.05; done");
  REQUIRE(program->Prints("37 91"));
  program->Resize({.rows = 50, .columns = 120});
  CHECK(program->Prints("50 120"));
}

void RestoresTheModes(Engine engine) {
  if (!Have(engine)) return;
  WorkmuxWorld world(ConfigFor(engine));
  auto program = OnTerminal(world, "stty raw -echo; echo raw; kill -KILL $$");
  const termios before = program->Modes();
  CHECK(program->Wait() == 137);
  CHECK(SameModes(before, program->Modes()));
}

}  // namespace

TEST_CASE(
    "Terminal: the size is right, a program in raw mode reads Ctrl-C, the modes are restored "
    "(namespace)") {
  if (!Have(Engine::kNamespace)) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  auto program =
      OnTerminal(world,
                 "stty size; stty raw -echo; echo ready; byte=$(head -c 1 | od -An -tx1); "
                 "[ \"$byte\" = ' 03' ] && exit 5");
  const termios before = program->Modes();
  REQUIRE(program->Prints("ready"));
  CHECK_THAT(program->out(), Contains("37 91"));
  program->Type("\x03");
  CHECK(program->Wait() == 5);
  CHECK(SameModes(before, program->Modes()));
}
TEST_CASE(
    "Terminal: the size is right, Ctrl-C reaches the program, the modes are restored (Docker)") {
  if (!Have(Engine::kDocker)) return;
  WorkmuxWorld world(ConfigFor(Engine::kDocker));
  // A program that starts within the first 20 ms may see no size yet.
  auto program = OnTerminal(
      world,
      "trap 'echo interrupted; exit 5' INT; sleep 0.2; stty size; stty raw; stty -raw; echo ready; "
      "while :; do sleep 0.05; done");
  const termios before = program->Modes();
  REQUIRE(program->Prints("ready"));
  CHECK_THAT(program->out(), Contains("37 91"));
  program->Type("\x03");
  CHECK(program->Wait() == 5);
  CHECK(program->Prints("interrupted"));
  CHECK(SameModes(before, program->Modes()));
}
TEST_CASE(
    "Terminal: Ctrl-C reaches a program that handles it, and the sandbox lives on (namespace)") {
  if (!Have(Engine::kNamespace)) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  auto program = OnTerminal(
      world, "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done");
  REQUIRE(program->Prints("ready"));
  program->Type("\x03");
  CHECK(program->Wait() == 5);
  CHECK(program->Prints("interrupted"));
}
TEST_CASE("Terminal: Ctrl-C ends a program that does not handle it (namespace)") {
  if (!Have(Engine::kNamespace)) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  auto program = OnTerminal(world, "echo ready; exec sleep 100");
  REQUIRE(program->Prints("ready"));
  program->Type("\x03");
  CHECK(program->Wait() == 130);
}
TEST_CASE("Terminal: a new size reaches the program (namespace)") {
  FollowsTheSize(Engine::kNamespace);
}
TEST_CASE("Terminal: a new size reaches the program (Docker)") { FollowsTheSize(Engine::kDocker); }
TEST_CASE("Terminal: a program that dies in raw mode leaves a usable terminal (namespace)") {
  RestoresTheModes(Engine::kNamespace);
}
TEST_CASE("Terminal: a program that dies in raw mode leaves a usable terminal (Docker)") {
  RestoresTheModes(Engine::kDocker);
}
TEST_CASE("Terminal: Ctrl-Z stops the program with its sandbox and fg goes on") {
  if (!Have(Engine::kNamespace)) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  auto shell = world.StartCommand({"bash", "--norc", "--noprofile", "-i"}, Program::Terminal{});
  shell->Type("PS1='prompt> '\n");
  shell->Type(
      "workmux sandbox run . -- sh -c 'echo in''side; i=0; while [ ! -e go ]; do sleep 0.05; done; "
      "exit 8'\n");
  REQUIRE(shell->Prints("inside"));
  shell->Type("\x1a");
  REQUIRE(shell->Prints("Stopped"));
  shell->Type("echo still-a-shell-$((40+2))\n");
  REQUIRE(shell->Prints("still-a-shell-42"));
  CHECK_FALSE(LivingSandboxes(world, Engine::kNamespace).empty());
  shell->Type("fg\n");
  Touch(world.repo() / "go");
  // What is typed before the client has ended belongs to the sandbox and is dropped.
  REQUIRE(WaitUntil([&] {
    for (const pid_t pid : world.Processes()) {
      if (CommandLine(pid).starts_with("workmux sandbox run")) return false;
    }
    return true;
  }));
  shell->Type("echo code-$?\n");
  CHECK(shell->Prints("code-8"));
}

TEST_CASE("Terminal: Ctrl-Z is for the shell inside, the client does not stop (Docker)") {
  if (!Have(Engine::kDocker)) return;
  WorkmuxWorld world(ConfigFor(Engine::kDocker));
  auto client = world.Start({"sandbox", "shell", "--", "bash", "--norc", "--noprofile", "-i"},
                            Program::Terminal{});
  // It waits without children: bash goes on after a Ctrl-C while one of them just ended.
  client->Type(
      "PS1='inside> '\nbash -c 'x=ued; trap \"echo contin$x\" CONT; exec 9<> <(:); x2=ted; "
      "echo star$x2; while :; do read -t 0.05 -u 9; done'\n");
  REQUIRE(client->Prints("started"));
  client->Type("\x1a");
  REQUIRE(client->Prints("Stopped"));
  client->Type("echo still-a-shell-$((40+2))\n");
  REQUIRE(client->Prints("still-a-shell-42"));
  // Field 3 of /proc/PID/stat, proc(5): a stopped process has T.
  const std::string stat =
      ReadWholeFile(std::filesystem::path("/proc") / std::to_string(client->pid()) / "stat");
  const std::string state = stat.substr(stat.rfind(')') + 2, 1);
  CHECK_THAT(state, Catch::Matchers::Equals("S") || Catch::Matchers::Equals("R"));
  // The job goes on where it stopped, and the next key is the job's.
  client->Type("fg\n");
  REQUIRE(client->Prints("continued"));
  client->Type("\x03");
  client->Type("echo code-$?; exit 9\n");
  CHECK(client->Prints("code-130"));
  CHECK(client->Wait() == 9);
}

TEST_CASE(
    "Terminal: sandbox shell --exec enters a container as the same user without capabilities") {
  if (!Have(Engine::kDocker)) return;
  WorkmuxWorld world(ConfigFor(Engine::kDocker));
  auto agent =
      world.Start({"sandbox", "run", ".", "--", "sh", "-c", "id -u; echo ready; exec sleep 1000"});
  REQUIRE(agent->Prints("ready"));
  const std::string uid = SplitLines(agent->out()).front();
  const CommandResult inside =
      world.Run({"sandbox", "shell", "--exec", "--", "sh", "-c",
                 "id -u; grep -E 'Cap(Prm|Eff|Bnd)|NoNewPrivs' /proc/self/status; "
                 "pwd; tr '\\0' '\\n' </proc/1/cmdline; exit 4"});
  INFO(inside.err);
  CHECK(inside.exit.code == 4);
  const auto lines = SplitLines(inside.out);
  REQUIRE(lines.size() > 5);
  CHECK(lines[0] == uid);
  CHECK(lines[1] == "CapPrm:\t0000000000000000");
  CHECK(lines[2] == "CapEff:\t0000000000000000");
  CHECK(lines[3] == "CapBnd:\t0000000000000000");
  CHECK(lines[4] == "NoNewPrivs:\t1");
  CHECK(lines[5] == world.repo().string());
  CHECK_THAT(inside.out, Contains("exec sleep 1000"));  // the agent's sandbox, not another
}

TEST_CASE("Terminal: sandbox shell --exec into a namespace, or into nothing, is a clear error") {
  if (!Have(Engine::kNamespace)) return;
  WorkmuxWorld world(ConfigFor(Engine::kNamespace));
  const CommandResult none = world.Run({"sandbox", "shell", "--exec", "--", "true"});
  CHECK(none.exit.code == 125);
  CHECK_THAT(none.err, Contains("no sandbox is running") && Contains("hint: "));
  auto agent =
      world.Start({"sandbox", "run", ".", "--", "sh", "-c", "echo ready; exec sleep 1000"});
  REQUIRE(agent->Prints("ready"));
  const CommandResult refused = world.Run({"sandbox", "shell", "--exec", "--", "true"});
  CHECK(refused.exit.code == 125);
  CHECK_THAT(refused.err, Contains("namespace") && Contains("hint: "));
}

TEST_CASE("Terminal: a pane too narrow for the progress keeps one line of it (Docker)") {
  if (!Have(Engine::kDocker)) return;
  WorkmuxWorld world(ConfigFor(Engine::kDocker));
  world.Install("docker", "#!/bin/sh\n[ \"$1\" != create ] || until [ -e " +
                              (world.area() / "go").string() +
                              " ]; do sleep 0.05; done\n"
                              "PATH=/usr/local/bin:/usr/bin:/bin exec docker \"$@\"\n");
  world.StartTmux();
  const std::string pane = world.Tmux({"split-window", "-d", "-h", "-l", "24", "-t", "main", "-P",
                                       "-F", "#{pane_id}", WorkmuxWorld::cli().string(), "sandbox",
                                       "run", world.repo().string(), "--", "sleep 1000"});
  const auto lines = [&] {
    const std::string text = world.PaneText(pane);
    std::size_t count = 0;
    for (auto at = text.find("Creating"); at != std::string::npos;
         at = text.find("Creating", at + 1))
      ++count;
    return count;
  };
  REQUIRE(WaitUntil([&] { return lines() > 0; }));
  // Some frames later there would be as many lines of it.
  const auto frame = [&] { return world.PaneText(pane).substr(0, 3); };
  for (int i = 0; i < 3; ++i) {
    const std::string shown = frame();
    CHECK(WaitUntil([&] { return frame() != shown; }));
  }
  CHECK(lines() == 1);
  Touch(world.area() / "go");
  CHECK(WaitUntil([&] { return lines() == 0; }));
}

}  // namespace workmux::test
