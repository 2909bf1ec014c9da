// `workmux demo` itself is a test of every program of ours together; here is
// looked at from outside whether it succeeds and leaves nothing.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "cli/commands/demo_processes.h"
#include "common/base/strings.h"
#include "common/process/posix_command_runner.h"
#include "common/process/spawn.h"
#include "tests/support/build_tree.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux {
namespace {

// Everything that a demonstration makes lies below its TMPDIR.
struct Stage {
  test::TempDir dir;
  Env env = CurrentEnv();

  Stage() {
    for (const char* name : {"TMUX", "TMUX_PANE", "XDG_RUNTIME_DIR", "WORKMUX_TMUX_SOCKET"})
      env.erase(name);
    env["TMPDIR"] = dir.path().string();
    env["HOME"] = (dir / "home").string();
    env["LANG"] = "C.UTF-8";
    std::filesystem::create_directory(dir / "home");
  }

  Command Demo(std::vector<std::string> arguments) const {
    Command command;
    command.argv = {(test::BinaryDir() / "bin/workmux").string(), "demo"};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.cwd = "/";
    command.env = env;
    return command;
  }

  CommandResult Run(std::vector<std::string> arguments) const {
    PosixCommandRunner runner;
    return test::Must(runner.Run(Demo(std::move(arguments)), {.timeout = std::chrono::minutes(4)}));
  }

  std::vector<std::string> Scratch() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("wm-demo-")) names.push_back(name);
    }
    return names;
  }

  void CheckNothingLeft() const {
    CHECK(Scratch().empty());
    CHECK(std::filesystem::is_empty(dir / "home"));
    CHECK(test::Must(cli::ProcessesNaming((dir / "wm-demo-").string())).empty());
  }
};

bool HasTools(const std::vector<std::string>& tools) {
  for (const std::string& tool : tools) {
    if (FindProgram(tool, CurrentEnv()).ok()) continue;
    std::cout << "SKIPPED: " << tool << " is not installed\n";
    return false;
  }
  return true;
}

std::size_t Count(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

void CheckPerformance(const Stage& stage, const CommandResult& result, std::size_t lines) {
  INFO(result.out << result.err);
  CHECK(result.exit.code == 0);
  CHECK(Count(result.out, "✓") == lines);
  CHECK(Count(result.out, "✗") == 0);
  stage.CheckNothingLeft();
}

TEST_CASE("Demo: the namespace backend shows what it claims and leaves nothing", "[demo]") {
  if (!HasTools({"bwrap", "tmux", "git"})) return;
  const Stage stage;
  CheckPerformance(stage, stage.Run({}), 14);
}

TEST_CASE("Demo: the container backend shows what it claims and leaves nothing", "[demo]") {
  const char* image = std::getenv("WORKMUX_TEST_IMAGE");
  if (image == nullptr) {
    std::cout << "SKIPPED: WORKMUX_TEST_IMAGE names no image\n";
    return;
  }
  if (!HasTools({"docker", "tmux", "git"})) return;
  const Stage stage;
  CheckPerformance(stage, stage.Run({"--backend", "container", "--image", image}), 15);
}

TEST_CASE("Demo: without a UTF-8 locale the marks are words", "[demo]") {
  if (!HasTools({"bwrap", "tmux", "git"})) return;
  Stage stage;
  stage.env["LANG"] = "C";
  stage.env.erase("LC_ALL");
  stage.env.erase("LC_CTYPE");
  const CommandResult result = stage.Run({});
  INFO(result.out << result.err);
  CHECK(result.exit.code == 0);
  CHECK(Count(result.out, "\n  ok ") == 14);
}

TEST_CASE("Demo: an agent that never starts is a failure that leaves nothing", "[demo]") {
  if (!HasTools({"tmux", "git"})) return;
  const Stage stage;
  const CommandResult result =
      stage.Run({"--backend", "container", "--image", "workmux-no-such-image:none"});
  INFO(result.out << result.err);
  CHECK(result.exit.code == 1);
  CHECK(result.err.starts_with("workmux: "));
  stage.CheckNothingLeft();
}

TEST_CASE("Demo: an interrupt in the middle leaves nothing", "[demo]") {
  if (!HasTools({"bwrap", "tmux", "git"})) return;
  for (const int number : {SIGINT, SIGTERM}) {
    const Stage stage;
    SpawnOptions options;
    auto demo = test::Must(SpawnProcess(stage.Demo({}), std::move(options)));
    // The agent is at work: its worktree has its file.
    const bool began = test::WaitUntil(
        [&] {
          const auto names = stage.Scratch();
          return !names.empty() && std::filesystem::exists(stage.dir / names[0] /
                                                           "project__worktrees/hello/hello.txt");
        },
        std::chrono::seconds(60));
    CHECK(began);
    ::kill(demo.pid, number);
    CHECK(Reap(demo.pid).code == 130);
    stage.CheckNothingLeft();
  }
}

}  // namespace
}  // namespace workmux
