#include <filesystem>

#include "tests/integration/git/git_fixture.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

}  // namespace

TEST_CASE("Locate: the main checkout, from a directory below it") {
  GitFixture f;
  fs::create_directories(f.repo.root() / "a/b");
  const Worktree found = f.At(f.repo.root() / "a/b");
  CHECK(found.path == f.repo.root());
  CHECK(found.git_dir == f.repo.git_dir());
  CHECK(found.is_main);
  CHECK(found.branch == "main");
  CHECK(found.head == f.Id("HEAD"));
  CHECK(found.repository == f.repository());
}

TEST_CASE("Locate: a linked worktree with an awkward path, detached and packed") {
  GitFixture f;
  const std::string name =
      GENERATE(as<std::string>{}, "plain", "with space", "c,o:l\"on'", "new\nline", "größe");
  const fs::path path = f.repo.AddWorktree("work", name);
  f.repo.Git({"pack-refs", "--all"});
  Worktree found = f.At(path);
  CHECK(found.path == fs::canonical(path));
  CHECK(found.repository == f.repository());
  CHECK(found.branch == "work");
  CHECK(found.head == f.Id("work"));
  CHECK(!found.is_main);
  f.repo.Git({"checkout", "--quiet", "--detach"}, path);
  found = f.At(path);
  CHECK(found.branch.empty());
  CHECK(found.head == f.Id("work"));
}

TEST_CASE("Locate: relative pointers in both directions") {
  GitFixture f;
  const fs::path path = f.repo.AddWorktree("work");
  test::WriteFile(path / ".git", "gitdir: ../../repo/.git/worktrees/work\n");
  test::WriteFile(f.repo.git_dir() / "worktrees/work/gitdir", "../../../../worktrees/work/.git\n");
  CHECK(f.At(path).branch == "work");
  CHECK(test::Must(f.git.ListWorktrees(f.repository())).size() == 2);
}

TEST_CASE("Locate: an unborn branch has no head") {
  GitFixture f;
  f.repo.Git({"init", "--quiet", (f.repo.area() / "empty").string()});
  const Worktree found = f.At(f.repo.area() / "empty");
  CHECK(found.branch == "main");
  CHECK(found.head.empty());
}

TEST_CASE("Locate: no repository, bare repositories, and worktrees of bare ones") {
  GitFixture f;
  const auto none = f.git.Locate(f.repo.area()).status();
  CHECK_CODE(none, absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(none) == "NOT_A_GIT_REPOSITORY");
  CHECK(!HintOf(none).empty());
  CHECK(ReasonOf(f.git.Locate(f.repo.git_dir()).status()) == "NOT_A_GIT_REPOSITORY");

  const fs::path bare = f.repo.area() / "project/.bare";
  f.repo.Git({"clone", "--quiet", "--bare", f.repo.root().string(), bare.string()});
  CHECK(ReasonOf(f.git.Locate(bare).status()) == "BARE_REPOSITORY");
  test::WriteFile(bare.parent_path() / ".git", "gitdir: ./.bare\n");
  CHECK(ReasonOf(f.git.Locate(bare.parent_path()).status()) == "BARE_REPOSITORY");

  const fs::path linked = bare.parent_path() / "linked";
  f.repo.Git({"worktree", "add", "--quiet", "-b", "x", linked.string()}, bare);
  const Worktree found = f.At(linked);
  CHECK(found.branch == "x");
  CHECK(found.repository.main_worktree.empty());
  const auto listed = test::Must(f.git.ListWorktrees(found.repository));
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].path == linked);
}

TEST_CASE("Locate: a main checkout with its git directory elsewhere") {
  GitFixture f;
  const fs::path root = f.repo.area() / "apart";
  const fs::path git_dir = f.repo.area() / "apart-store";
  f.repo.Git({"init", "--quiet", "--separate-git-dir", git_dir.string(), root.string()});
  const Worktree found = f.At(root);
  CHECK(found.is_main);
  CHECK(found.git_dir == git_dir);
  CHECK(found.repository.main_worktree == root);
}

TEST_CASE("Locate: a repository with reftable works, or is refused with the reason") {
  GitFixture f;
  if (f.repo.TryGit({"init", "--quiet", "--ref-format=reftable", "../made"}).exit.ok()) {
    const fs::path made = f.repo.root().parent_path() / "made";
    f.repo.Git({"commit", "--quiet", "--allow-empty", "-m", "one"}, made);
    CHECK(f.At(made).head == f.repo.Git({"rev-parse", "HEAD"}, made));
    return;
  }
  // As git 2.45 lays it out; this git cannot read it.
  f.repo.Git({"config", "core.repositoryFormatVersion", "1"});
  f.repo.Git({"config", "extensions.refStorage", "reftable"});
  test::WriteFile(f.repo.git_dir() / "HEAD", "ref: refs/heads/.invalid\n");
  test::WriteFile(f.repo.git_dir() / "reftable/tables.list", "");
  fs::remove_all(f.repo.git_dir() / "refs/heads");
  test::WriteFile(f.repo.git_dir() / "refs/heads", "this repository uses the reftable format\n");
  for (const absl::Status& refused :
       {f.git.Locate(f.repo.root()).status(), f.git.ListWorktrees(f.repository()).status()}) {
    CHECK(refused.code() == absl::StatusCode::kFailedPrecondition);
    CHECK(ReasonOf(refused) == "REPOSITORY_FORMAT_UNKNOWN");
    CHECK(MessageOf(refused).find("refstorage") != std::string::npos);
    CHECK_FALSE(HintOf(refused).empty());
  }
}

TEST_CASE("ListWorktrees: agrees with git, marks locked and missing") {
  GitFixture f;
  f.repo.AddWorktree("b");
  const fs::path locked = f.repo.AddWorktree("a/nested", "a space");
  f.repo.Git({"worktree", "lock", locked.string()});
  fs::remove_all(f.repo.AddWorktree("gone"));
  const auto listed = test::Must(f.git.ListWorktrees(f.repository()));
  REQUIRE(listed.size() == 4);
  CHECK(listed[0].is_main);
  const std::string porcelain = f.repo.Git({"worktree", "list", "--porcelain"});
  for (const Worktree& worktree : listed) {
    INFO(worktree.path.string());
    CHECK(porcelain.find("worktree " + worktree.path.string() + "\nHEAD " + worktree.head +
                         "\nbranch refs/heads/" + worktree.branch + "\n") != std::string::npos);
    CHECK(worktree.locked == (worktree.branch == "a/nested"));
    CHECK(worktree.missing == (worktree.branch == "gone"));
    CHECK(worktree.repository == f.repository());
  }
}

}  // namespace workmux::daemon
