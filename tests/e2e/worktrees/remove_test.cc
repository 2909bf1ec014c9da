#include <filesystem>

#include "tests/e2e/worktrees/flows.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

WorkmuxWorld::Where At(const fs::path& cwd) { return {.cwd = cwd, .env = {}, .input = {}}; }

}  // namespace

TEST_CASE("remove: nothing to lose, nothing asked", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "topic", "-b", "-p", "x"});
  f.world.Must({"add", "kept", "-b"});
  CHECK(f.world.Must({"remove", "topic"}).find("removed topic") == 0);
  CHECK_FALSE(fs::exists(f.Path("topic")));
  CHECK(f.Git({"branch", "--list", "topic"}).empty());
  CHECK(f.Windows() == "bash\nwm-kept");
  f.world.Must({"rm", "-k", "kept"});
  CHECK(f.Git({"branch", "--format=%(refname:short)", "--list", "kept"}) == "kept");
  CHECK_FALSE(fs::exists(f.Path("kept")));
  CHECK(f.Git({"worktree", "list", "--porcelain"}).find("kept") == std::string::npos);
}

TEST_CASE("remove: work to lose is shown and refused without a terminal", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "dirty", "-b"});
  f.world.Must({"add", "ahead", "-b"});
  WriteFile(f.Path("dirty/precious"), "x");
  const std::string tip = f.world.git().Commit("new", "x", "precious commit", f.Path("ahead"));
  const std::string before = f.State();
  const CommandResult dirty = f.world.Run({"remove", "dirty"});
  CHECK(Refusal(dirty, 2, "precious") == "");
  CHECK(dirty.err.find("--force") != std::string::npos);
  CHECK(Refusal(f.world.Run({"remove", "ahead"}), 2, "precious commit") == "");
  CHECK(Refusal(f.world.Run({"remove", "-k", "dirty"}), 2, "precious") == "");
  CHECK(Refusal(f.world.Run({"remove"}, At(f.Path("dirty"))), 2, "precious") == "");
  CHECK(f.State() == before);

  // Keeping the branch loses no commit.
  f.world.Must({"remove", "-k", "ahead"});
  CHECK(f.Git({"rev-parse", "ahead"}) == tip);
  f.world.Must({"add", "ahead", "-b"});
  const std::string told = f.world.Must({"remove", "-f", "ahead", "dirty"});
  CHECK(told.find("refs/workmux/trash/ahead-") != std::string::npos);
  CHECK(f.Git({"for-each-ref", "--format=%(objectname)", "refs/workmux/trash/ahead-*"}).find(tip) ==
        0);
  CHECK_FALSE(fs::exists(f.Path("dirty")));
  CHECK(f.Windows() == "bash");
}

TEST_CASE("remove: on a terminal the person decides", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "ahead", "-b"});
  f.world.git().Commit("new", "x", "precious commit", f.Path("ahead"));
  const std::string before = f.State();
  {
    auto asking = f.world.Start({"remove", "ahead"}, Program::Terminal());
    REQUIRE(asking->Prints("[y/N]"));
    CHECK(asking->out().find("precious commit") != std::string::npos);
    asking->Type("n\n");
    CHECK(asking->Wait() == 1);
  }
  CHECK(f.State() == before);
  auto asking = f.world.Start({"remove", "ahead"}, Program::Terminal());
  REQUIRE(asking->Prints("[y/N]"));
  asking->Type("y\n");
  CHECK(asking->Wait() == 0);
  CHECK_FALSE(fs::exists(f.Path("ahead")));
}

TEST_CASE("remove: the main worktree and unknown names are refused", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "topic", "-b"});
  const std::string before = f.State();
  CHECK(Refusal(f.world.Run({"remove"}), 1, "main worktree") == "");
  CHECK(Refusal(f.world.Run({"remove", "-f", "repo"}), 1, "main worktree") == "");
  CHECK(Refusal(f.world.Run({"remove", "-f", "main"}), 1, "main worktree") == "");
  CHECK(Refusal(f.world.Run({"remove", "topic", "nope"}), 1, "nope") == "");
  CHECK(f.State() == before);
}

TEST_CASE("remove: the worktree around the current directory, from its own window", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f("panes: [{}]\n");
  f.world.Must({"add", "topic", "-b"});
  const std::string pane = f.world.PaneOfWindow("wm-topic");
  REQUIRE_FALSE(pane.empty());
  f.world.TypeInPane(pane, "workmux rm >$HOME/told 2>&1; echo $? >>$HOME/told");
  CHECK(WaitUntil([&] { return f.Windows() == "bash"; }, std::chrono::seconds(30)));
  CHECK_FALSE(fs::exists(f.Path("topic")));
  CHECK(f.Git({"branch", "--list", "topic"}).empty());
  CHECK(ReadWholeFile(f.world.home() / "told").find("removed topic") == 0);
}

TEST_CASE("remove: a worktree whose directory is gone already", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "topic", "-b"});
  f.world.Must({"close", "topic"});
  fs::remove_all(f.Path("topic"));
  CHECK(Refusal(f.world.Run({"open", "topic"}), 1, "is gone") == "");
  f.world.Must({"remove", "topic"});
  CHECK(f.Git({"worktree", "list", "--porcelain"}).find("topic") == std::string::npos);
  CHECK(f.Git({"branch", "--list", "topic"}).empty());
}

TEST_CASE("remove: a failing hook keeps the worktree, --no-hooks skips it", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.SetProjectConfig("agent: claude\npre_remove: ['false']\n");
  f.world.Must({"add", "topic", "-b"});
  const std::string before = f.State();
  CHECK(f.world.Run({"remove", "topic"}).exit.code == 1);
  CHECK(f.State() == before);
  f.world.Must({"remove", "topic", "--no-hooks"});
  CHECK_FALSE(fs::exists(f.Path("topic")));
}

}  // namespace workmux::test
