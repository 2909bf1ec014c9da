#include <filesystem>

#include "tests/integration/git/git_fixture.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

WorktreeChanges ChangesOf(GitFixture& f, const Worktree& worktree) {
  return test::Must(f.git.Changes(worktree, {}));
}

}  // namespace

TEST_CASE("Changes: clean, staged, unstaged, untracked") {
  GitFixture f;
  const Worktree work = f.Linked("work");
  CHECK(ChangesOf(f, work).clean());
  f.repo.Git({"config", "status.showUntrackedFiles", "no"});
  test::WriteFile(work.path / "new file", "x");
  WorktreeChanges changes = ChangesOf(f, work);
  CHECK(changes.untracked);
  CHECK(changes.lines == std::vector<std::string>{"?? new file"});
  f.repo.Git({"add", "."}, work.path);
  test::WriteFile(work.path / "file.txt", "changed");
  changes = ChangesOf(f, work);
  CHECK(changes.staged);
  CHECK(changes.unstaged);
  CHECK(!changes.untracked);
  CHECK(changes.count == 2);
  CHECK(ChangesOf(f, f.At(f.repo.root())).clean());
}

TEST_CASE("Changes: a failed check is an error, not a clean worktree") {
  GitFixture f;
  const Worktree work = f.Linked("work");
  SECTION("worktree gone") { fs::remove_all(work.path); }
  SECTION("broken index") { test::WriteFile(work.git_dir / "index", "garbage"); }
  SECTION("broken config") { test::WriteFile(f.repo.git_dir() / "config", "[core"); }
  CHECK(!f.git.Changes(work, {}).ok());
}

TEST_CASE("Changes: the user's own ignore file counts") {
  GitFixture f;
  GitCli git(f.runner, f.repo.env());
  const fs::path home = f.repo.area() / "home";
  const Worktree work = f.Linked("work");
  test::WriteFile(work.path / "notes.swp", "x");
  CHECK(!test::Must(git.Changes(work, {})).clean());
  SECTION("at the default place") { test::WriteFile(home / ".config/git/ignore", "*.swp\n"); }
  SECTION("where the user says") {
    test::WriteFile(home / "mine", "*.swp\n");
    f.repo.Git({"config", "--global", "core.excludesFile", "~/mine"});
  }
  CHECK(test::Must(git.Changes(work, {})).clean());
  CHECK(!ChangesOf(f, work).clean());
  f.repo.Git({"config", "core.excludesFile", "/dev/null"});
  CHECK(!test::Must(git.Changes(work, {})).clean());
}

TEST_CASE("Changes: operations under way") {
  GitFixture f;
  const Worktree work = f.Linked("work");
  f.repo.Commit("file.txt", "theirs\n");
  f.repo.Commit("file.txt", "ours\n", "ours", work.path);
  const std::string operation =
      GENERATE(as<std::string>{}, "merge", "rebase", "cherry-pick", "revert", "bisect");
  if (operation == "revert") {
    f.repo.Commit("file.txt", "more\n", "more", work.path);
    f.repo.TryGit({"revert", "--no-edit", "HEAD~1"}, work.path);
  } else if (operation == "bisect") {
    f.repo.Git({"bisect", "start"}, work.path);
  } else {
    f.repo.TryGit({operation, "main"}, work.path);
  }
  const WorktreeChanges changes = ChangesOf(f, work);
  CHECK(changes.operation == operation);
  const GitOperation found = test::Must(f.git.OperationUnderWay(work));
  CHECK(found.name == operation);
  // Only these detach HEAD, and hold the branch for the time being.
  CHECK(found.branch == (operation == "rebase" || operation == "bisect" ? "work" : ""));
  CHECK(!changes.clean());
  CHECK(changes.conflicted == (operation != "bisect"));
}

TEST_CASE("Changes: submodules") {
  GitFixture f;
  const test::GitRepo library;
  f.repo.Git({"-c", "protocol.file.allow=always", "submodule", "--quiet", "add",
              library.root().string(), "lib"});
  f.repo.Git({"commit", "--quiet", "-m", "lib"});
  const Worktree work = f.Linked("work");

  SECTION("not checked out") {
    CHECK(ChangesOf(f, work).clean());
    test::WriteFile(work.path / "lib/precious", "x");
    CHECK(f.repo.Git({"status", "--porcelain"}, work.path).empty());
    CHECK(!ChangesOf(f, work).clean());
  }
  SECTION("checked out") {
    f.repo.Git({"-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init"},
               work.path);
    CHECK(ChangesOf(f, work).clean());
    test::WriteFile(work.path / "lib/precious", "x");
    const WorktreeChanges changes = ChangesOf(f, work);
    CHECK(changes.unstaged);
    CHECK(changes.lines == std::vector<std::string>{" m lib (1 changed)"});
  }
  SECTION("a nested repository of unknown origin") {
    f.repo.Git({"clone", "--quiet", library.root().string(), (work.path / "lib").string()});
    CHECK(!ChangesOf(f, work).clean());
  }
}

}  // namespace workmux::daemon
