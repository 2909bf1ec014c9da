#include <filesystem>

#include "tests/e2e/worktrees/flows.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

WorkmuxWorld::Where At(const fs::path& cwd) { return {.cwd = cwd, .env = {}, .input = {}}; }

// Two commits on the branch and one on main beside them.
void Diverge(Flows& f, const std::string& name) {
  f.world.Must({"add", name, "-b"});
  f.world.git().Commit(name + "-1", "1", name + " one", f.Path(name));
  f.world.git().Commit(name + "-2", "2", name + " two", f.Path(name));
  f.world.git().Commit("other", name, "beside " + name);
}

std::string Recovery(Flows& f) {
  return f.Git({"for-each-ref", "--format=%(objectname)", "refs/workmux/trash"});
}

}  // namespace

TEST_CASE("merge: a merge commit, then worktree, window and branch are gone", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  Diverge(f, "topic");
  const std::string tip = f.Git({"rev-parse", "topic"});
  CHECK(f.world.Must({"merge"}, At(f.Path("topic"))) == "merged topic into main");
  CHECK(f.Git({"rev-list", "--count", "--merges", "main"}) == "1");
  CHECK(fs::exists(f.world.repo() / "topic-2"));
  CHECK_FALSE(fs::exists(f.Path("topic")));
  CHECK(f.Git({"branch", "--list", "topic"}).empty());
  CHECK(Recovery(f) == tip);
  CHECK(f.Windows() == "bash");
  CHECK(f.Git({"status", "--porcelain"}).empty());
}

TEST_CASE("merge: --rebase makes a line, --squash one commit", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  Diverge(f, "line");
  f.world.Must({"merge", "line", "--rebase"});
  CHECK(f.Git({"log", "-3", "--format=%s"}) == "line two\nline one\nbeside line");
  Diverge(f, "one");
  f.world.Must({"merge", "one", "--squash", "-m", "all of it"});
  CHECK(f.Git({"log", "-2", "--format=%s"}) == "all of it\nbeside one");
  CHECK(fs::exists(f.world.repo() / "one-2"));
  Diverge(f, "many");
  f.world.Must({"merge", "many", "--squash"});
  CHECK(f.Git({"log", "-1", "--format=%B"}).find("many one") != std::string::npos);
}

TEST_CASE("merge: --into a branch that nobody has checked out, and --keep", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.Git({"branch", "release"});
  Diverge(f, "topic");
  const std::string main = f.Git({"rev-parse", "main"});
  f.world.Must({"merge", "topic", "--into", "release", "--keep"});
  CHECK(f.Git({"rev-parse", "release"}) == f.Git({"rev-parse", "topic"}));
  CHECK(f.Git({"rev-parse", "main"}) == main);
  CHECK(fs::exists(f.Path("topic")));
  CHECK(f.Windows() == "bash\nwm-topic");
  // Into a branch of another worktree: there, and not in the main checkout.
  f.world.Must({"add", "target", "-b", "--base", "main"});
  f.world.Must({"merge", "topic", "--into", "target"});
  CHECK(fs::exists(f.Path("target/topic-1")));
  CHECK(f.Git({"rev-parse", "main"}) == main);
  CHECK(f.Git({"symbolic-ref", "HEAD"}) == "refs/heads/main");
  CHECK_FALSE(fs::exists(f.Path("topic")));
}

TEST_CASE("merge: a conflict leaves the target as it was", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "topic", "-b"});
  f.world.git().Commit("file.txt", "theirs\n", "theirs", f.Path("topic"));
  f.world.git().Commit("file.txt", "ours\n", "ours");
  const std::string before = f.State();
  for (const char* how : {"", "--squash"}) {
    std::vector<std::string> command = {"merge", "topic"};
    if (*how != '\0') command.emplace_back(how);
    CHECK(Refusal(f.world.Run(command), 1, "conflict") == "");
    CHECK(f.State() == before);
    CHECK(f.Git({"status", "--porcelain"}).empty());
    CHECK(ReadWholeFile(f.world.repo() / "file.txt") == "ours\n");
  }
  // A rebase stops where the person can resolve it.
  const CommandResult rebase = f.world.Run({"merge", "topic", "--rebase"});
  CHECK(Refusal(rebase, 1, "conflict") == "");
  CHECK(rebase.err.find("git rebase --continue") != std::string::npos);
  CHECK(f.Git({"status", "--porcelain"}).empty());
  CHECK(fs::exists(f.world.repo() / ".git/worktrees/topic/rebase-merge"));
  const CommandResult again = f.world.Run({"merge", "topic"});
  CHECK(Refusal(again, 1, "a rebase is in progress in '" + f.Path("topic").string() + "'") == "");
  CHECK(again.err.find("git rebase --abort") != std::string::npos);
}

TEST_CASE("merge: nothing moves under a rebase that stopped in the target", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "topic", "-b"});
  f.world.git().Commit("new.txt", "new\n", "news", f.Path("topic"));
  f.Git({"branch", "upstream"});
  f.world.git().Commit("file.txt", "ours\n", "ours");
  f.Git({"worktree", "add", "--quiet", "../up", "upstream"});
  f.world.git().Commit("file.txt", "theirs\n", "theirs", f.world.repo().parent_path() / "up");
  f.world.git().TryGit({"rebase", "upstream"});
  const std::string before = f.State();
  const CommandResult result = f.world.Run({"merge", "topic"});
  CHECK(Refusal(result, 1, "a rebase is in progress in '" + f.world.repo().string() + "'") == "");
  CHECK(f.State() == before);
  f.Git({"rebase", "--abort"});
  f.world.Must({"merge", "topic"});
}

TEST_CASE("merge: uncommitted changes on either side are refused", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  Diverge(f, "topic");
  const std::string before = f.State();
  WriteFile(f.world.repo() / "file.txt", "edited\n");
  CHECK(Refusal(f.world.Run({"merge", "topic"}), 1, "uncommitted") == "");
  CHECK(ReadWholeFile(f.world.repo() / "file.txt") == "edited\n");
  f.Git({"checkout", "--quiet", "file.txt"});
  WriteFile(f.Path("topic/file.txt"), "edited\n");
  CHECK(Refusal(f.world.Run({"merge", "topic"}), 1, "uncommitted") == "");
  f.Git({"checkout", "--quiet", "file.txt"}, f.Path("topic"));
  WriteFile(f.Path("topic/untracked"), "new\n");
  CHECK(Refusal(f.world.Run({"merge", "topic"}), 1, "uncommitted") == "");
  CHECK(f.State() == before);
  // Left behind on purpose, and therefore still there.
  f.world.Must({"merge", "topic", "--ignore-uncommitted"});
  CHECK(fs::exists(f.world.repo() / "topic-2"));
  CHECK(ReadWholeFile(f.Path("topic/untracked")) == "new\n");
}

TEST_CASE("merge: hooks run, stop it, and can be left out", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.SetProjectConfig(
      "agent: claude\npre_merge: ['echo \"$WM_BRANCH_NAME>$WM_TARGET_BRANCH\" "
      ">\"$HOME/merge-hook\"; test ! -e stop']\n"
      "pre_remove: ['echo \"$WM_HANDLE $PWD\" >\"$HOME/remove-hook\"']\n");
  Diverge(f, "topic");
  f.world.git().Commit("stop", "", "stop", f.Path("topic"));
  const std::string before = f.State();
  CHECK(f.world.Run({"merge", "topic"}).exit.code == 1);
  CHECK(ReadWholeFile(f.world.home() / "merge-hook") == "topic>main\n");
  CHECK(f.State() == before);
  fs::remove(f.world.home() / "merge-hook");
  f.world.Must({"merge", "topic", "--no-verify"});
  CHECK_FALSE(fs::exists(f.world.home() / "merge-hook"));
  CHECK(ReadWholeFile(f.world.home() / "remove-hook") ==
        "topic " + f.Path("topic").string() + "\n");
}

TEST_CASE("merge: what cannot be merged", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  Diverge(f, "topic");
  const std::string before = f.State();
  CHECK(Refusal(f.world.Run({"merge"}), 1, "main worktree") == "");
  CHECK(Refusal(f.world.Run({"merge", "nope"}), 1, "no worktree") == "");
  CHECK(Refusal(f.world.Run({"merge", "topic", "--into", "nope"}), 1, "nope") == "");
  CHECK(Refusal(f.world.Run({"merge", "topic", "--into", "topic"}), 2, "into itself") == "");
  CHECK(Refusal(f.world.Run({"merge", "topic", "--rebase", "--squash"}), 2, "") == "");
  f.Git({"checkout", "--quiet", "--detach"}, f.Path("topic"));
  CHECK(Refusal(f.world.Run({"merge"}, At(f.Path("topic"))), 1, "no branch") == "");
  f.Git({"checkout", "--quiet", "topic"}, f.Path("topic"));
  CHECK(f.State() == before);
}

}  // namespace workmux::test
