#include <signal.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "common/base/strings.h"
#include "tests/e2e/worktrees/flows.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

}  // namespace

TEST_CASE("add: a failing hook takes everything back", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.SetProjectConfig(
      "agent: claude\npost_create:\n  - touch untracked\n  - echo broken >&2; exit 7\n");
  const std::string before = f.State();
  const CommandResult result = f.world.Run({"add", "topic", "-p", "x"});
  CHECK(result.exit.code == 1);
  CHECK(result.err.find("broken") != std::string::npos);
  CHECK(result.err.find("post_create") != std::string::npos);
  CHECK(f.State() == before);
  CHECK(f.world.Must({"list"}).find("topic") == std::string::npos);
}

TEST_CASE("add: a branch that was there stays when a hook fails", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.SetProjectConfig("post_create: ['false']\n");
  f.Git({"branch", "mine"});
  const std::string before = f.State();
  CHECK(f.world.Run({"add", "mine"}).exit.code == 1);
  CHECK(f.State() == before);
}

TEST_CASE("add: interrupted on a terminal it takes everything back", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.SetProjectConfig("post_create: ['touch \"$HOME/in-hook\"; sleep 1000']\n");
  const std::string before = f.State();
  auto adding = f.world.Start({"add", "topic"}, Program::Terminal());
  REQUIRE(
      WaitUntil([&] { return fs::exists(f.world.home() / "in-hook"); }, std::chrono::seconds(30)));
  adding->Type("\x03");
  CHECK(adding->Wait() == 130);
  CHECK(WaitUntil([&] { return f.State() == before; }));
}

TEST_CASE("add: what a killed daemon left half made is taken back", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.SetProjectConfig("post_create: ['touch \"$HOME/in-hook\"; sleep 1000']\n");
  const std::string before = f.State();
  auto adding = f.world.Start({"add", "topic", "-p", "x"});
  REQUIRE(
      WaitUntil([&] { return fs::exists(f.world.home() / "in-hook"); }, std::chrono::seconds(30)));
  CHECK(f.State() != before);
  f.world.KillDaemon();
  CHECK(adding->Wait() == 1);
  // The next command starts a daemon, which looks at its journal first.
  CHECK(f.world.Must({"list"}).find("topic") == std::string::npos);
  CHECK(f.State() == before);
  f.world.Must({"add", "topic", "-b", "-H"});
}

TEST_CASE("add: commits of the meantime are never taken back", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.SetProjectConfig(
      "post_create: ['git commit --quiet --allow-empty -m kept; touch \"$HOME/in-hook\"; sleep "
      "1000']\n");
  auto adding = f.world.Start({"add", "topic"});
  REQUIRE(
      WaitUntil([&] { return fs::exists(f.world.home() / "in-hook"); }, std::chrono::seconds(30)));
  f.world.KillDaemon();
  CHECK(adding->Wait() == 1);
  CHECK(f.world.Must({"list"}).find("topic") != std::string::npos);
  CHECK(f.Git({"log", "-1", "--format=%s", "topic"}) == "kept");
}

TEST_CASE("add: eight at once", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  std::vector<std::unique_ptr<Program>> adding;
  for (int i = 0; i < 8; ++i)
    adding.push_back(f.world.Start({"add", "t" + std::to_string(i), "-b", "-p", "x"}));
  for (const auto& program : adding) {
    const int code = program->Wait(std::chrono::seconds(120));
    INFO(program->err());
    CHECK(code == 0);
  }
  CHECK(SplitLines(f.Windows()).size() == 9);
  for (int i = 0; i < 8; ++i) {
    const std::string name = "t" + std::to_string(i);
    CHECK(f.AgentArguments(name) == "--\nx\n");
    CHECK(f.Git({"status", "--porcelain"}, f.Path(name)).empty());
  }
  // The ignore rule was added once.
  const std::string exclude = ReadWholeFile(f.world.repo() / ".git/info/exclude");
  CHECK(exclude.find(".workmux/") == exclude.rfind(".workmux/"));
}

TEST_CASE("add: of eight for one branch exactly one wins", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  std::vector<std::unique_ptr<Program>> adding;
  for (int i = 0; i < 8; ++i) adding.push_back(f.world.Start({"add", "same", "-b"}));
  int won = 0;
  for (const auto& program : adding) {
    const int code = program->Wait(std::chrono::seconds(120));
    won += code == 0 ? 1 : 0;
    if (code == 0) continue;
    CHECK(code == 1);
    CHECK(program->err().find("workmux: ") != std::string::npos);
  }
  CHECK(won == 1);
  CHECK(f.Windows() == "bash\nwm-same");
}

TEST_CASE("add: nothing is done when the place is taken", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  WriteFile(f.Path("mine/notes"), "precious");
  const std::string before = f.State();
  CHECK(Refusal(f.world.Run({"add", "mine"}), 1, "is no worktree") == "");
  CHECK(f.State() == before);
  CHECK(ReadWholeFile(f.Path("mine/notes")) == "precious");
  fs::create_symlink(f.world.repo(), f.Path("link"));
  CHECK(Refusal(f.world.Run({"add", "link"}), 1, "is no worktree") == "");
  f.world.Must({"add", "topic", "-b"});
  CHECK(Refusal(f.world.Run({"add", "topic"}), 1, "is checked out at") == "");
  CHECK(Refusal(f.world.Run({"add", "new", "--name", "topic"}), 1, "is the worktree of") == "");
  CHECK(Refusal(f.world.Run({"add", "new", "--base", "nowhere"}), 1, "names no commit") == "");
  CHECK(Refusal(f.world.Run({"add", "new", "--base=-x"}), 2, "is no revision") == "");
}

}  // namespace workmux::test
