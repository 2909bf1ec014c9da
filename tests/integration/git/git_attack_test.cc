#include <filesystem>

#include "tests/integration/git/git_fixture.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// A repository whose configuration and hooks an attacker wrote; each program
// leaves a mark.
struct PoisonedFixture : GitFixture {
  Worktree work = Linked("work");
  fs::path mark = repo.area() / "mark";
  fs::path script = repo.area() / "evil.sh";

  PoisonedFixture() {
    repo.Commit("file.txt", "second\n", "second", work.path);
    test::WriteFile(script, "#!/bin/sh\ntouch '" + mark.string() + "'\nexit 0\n");
    fs::permissions(script, fs::perms::owner_all);
    fs::create_directories(repo.area() / "hooks");
    for (const char* hook :
         {"post-index-change", "reference-transaction", "post-checkout", "pre-commit"}) {
      fs::copy_file(script, repo.area() / "hooks" / hook);
    }
  }
  void Poison(const std::string& key) {
    const std::string value =
        key == "core.hooksPath" ? (repo.area() / "hooks").string() : script.string();
    test::WriteFile(repo.git_dir() / "config", test::ReadWholeFile(repo.git_dir() / "config") +
                                                   "[" + key.substr(0, key.find('.')) + "]\n" +
                                                   key.substr(key.find('.') + 1) + " = " + value +
                                                   "\n");
  }
  bool Fired() { return fs::remove(mark); }
};

absl::Status LocateStatus(GitFixture& f, const fs::path& path) {
  return f.git.Locate(path).status();
}

}  // namespace

TEST_CASE("Attack: hardened calls run nothing that the repository's configuration names") {
  PoisonedFixture f;
  const std::string key = GENERATE(as<std::string>{}, "core.fsmonitor", "core.hooksPath");
  f.Poison(key);

  test::WriteFile(f.work.path / "new", "x");
  f.repo.TryGit({"status"}, f.work.path);
  f.repo.TryGit({"branch", "control"});
  REQUIRE(f.Fired());  // control: plain git runs it

  CHECK_OK(f.git.Changes(f.work, {}));
  CHECK_OK(f.git.ListWorktrees(f.repository()));
  CHECK_OK(f.git.CommitsNotIn(f.repository(), "work", "main", 5));
  CHECK_OK(f.git.ResolveCommit(f.repository(), "work"));
  CHECK_OK(f.git.UpdateRef(f.repository(), "refs/heads/y", f.work.head, ""));
  CHECK_OK(f.git.SetConfig(f.repository(), "workmux.worktree.x.mode", "window"));
  CHECK(!f.Fired());
}

TEST_CASE("Attack: a signature program does not run on a log") {
  PoisonedFixture f;
  test::WriteFile(f.repo.git_dir() / "config", test::ReadWholeFile(f.repo.git_dir() / "config") +
                                                   "[gpg]\nprogram = " + f.script.string() +
                                                   "\n[log]\nshowSignature = true\n");
  const std::string tree = f.Id("work^{tree}");
  test::WriteFile(f.repo.area() / "commit", "tree " + tree + "\nparent " + f.Id("main") +
                                                "\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 "
                                                "+0000\ngpgsig -----BEGIN PGP SIGNATURE-----\n"
                                                " \n x\n -----END PGP SIGNATURE-----\n\nsigned\n");
  const std::string id =
      f.repo.Git({"hash-object", "-t", "commit", "-w", (f.repo.area() / "commit").string()});
  f.repo.TryGit({"log", "-1", id});
  REQUIRE(f.Fired());
  CHECK(test::Must(f.git.CommitsNotIn(f.repository(), id, "main", 5)).size() == 1);
  CHECK(!f.Fired());
}

TEST_CASE("Attack: a replace reference does not change what a review sees") {
  PoisonedFixture f;
  f.repo.Git({"replace", f.Id("work"), f.Id("main")});
  CHECK(f.repo.Git({"log", "-1", "--format=%s", "work"}) == "first");  // control
  const auto commits = test::Must(f.git.CommitsNotIn(f.repository(), "work", "main", 5));
  REQUIRE(commits.size() == 1);
  CHECK(commits[0].subject == "second");
}

TEST_CASE("Attack: a nested repository's filter does not run on a status") {
  PoisonedFixture f;
  const fs::path nested = f.work.path / "nested";
  f.repo.Git({"clone", "--quiet", f.repo.root().string(), nested.string()});
  test::WriteFile(nested / ".gitattributes", "* filter=e\n");
  test::WriteFile(nested / "file.txt", "other\n");
  f.repo.Git({"config", "filter.e.clean", f.script.string()}, nested);
  f.repo.Git({"add", "nested"}, f.work.path);
  f.repo.Git({"commit", "--quiet", "-m", "gitlink"}, f.work.path);
  (void)f.Fired();
  f.repo.TryGit({"status"}, f.work.path);
  REQUIRE(f.Fired());
  const WorktreeChanges changes = test::Must(f.git.Changes(f.work, {}));
  CHECK(!f.Fired());
  CHECK(!changes.clean());
}

TEST_CASE("Attack: a rewritten .git file redirects no call") {
  PoisonedFixture f;
  const fs::path evil = f.work.path / "evil";
  f.repo.Git({"init", "--quiet", "--bare", evil.string()});
  f.repo.Git({"config", "core.bare", "false"}, evil);
  f.repo.Git({"config", "core.fsmonitor", f.script.string()}, evil);
  test::WriteFile(f.work.path / ".git", "gitdir: " + evil.string() + "\n");
  f.repo.TryGit({"status"}, f.work.path);
  REQUIRE(f.Fired());
  CHECK(ReasonOf(LocateStatus(f, f.work.path)) == "FORGED_WORKTREE");
  CHECK_OK(f.git.Changes(f.work, {}));
  CHECK_OK(f.git.Rebase({.worktree = f.work,
                         .commitish = "main",
                         .message = {},
                         .no_verify = true,
                         .env = f.repo.env()}));
  CHECK(!f.Fired());
}

TEST_CASE("Attack: forged pointers are refused, each honest twin is taken") {
  GitFixture f;
  const Worktree work = f.Linked("work");
  const Worktree other = f.Linked("other");
  REQUIRE_OK(LocateStatus(f, work.path));
  SECTION("another worktree's admin directory") {
    test::WriteFile(work.path / ".git", "gitdir: " + other.git_dir.string() + "\n");
  }
  SECTION("the main checkout's git directory") {
    test::WriteFile(work.path / ".git", "gitdir: " + f.repo.git_dir().string() + "\n");
  }
  SECTION("a consistent repository inside the worktree") {
    const fs::path store = work.path / "store";
    f.repo.Git({"clone", "--quiet", "--bare", f.repo.root().string(), store.string()});
    const fs::path admin = store / "worktrees/x";
    test::WriteFile(admin / "commondir", "../..\n");
    test::WriteFile(admin / "gitdir", (work.path / ".git").string() + "\n");
    test::WriteFile(admin / "HEAD", "ref: refs/heads/main\n");
    test::WriteFile(work.path / ".git", "gitdir: " + admin.string() + "\n");
    REQUIRE(f.repo.TryGit({"rev-parse", "HEAD"}, work.path).exit.ok());
  }
  SECTION("a commondir that leads elsewhere") {
    const test::GitRepo elsewhere;
    test::WriteFile(work.git_dir / "commondir", elsewhere.git_dir().string() + "\n");
    CHECK(f.repo.Git({"rev-parse", "--git-common-dir"}, work.path) == elsewhere.git_dir());
  }
  SECTION("a symbolic link to a git directory") {
    fs::remove(work.path / ".git");
    fs::create_symlink(f.repo.git_dir(), work.path / ".git");
    REQUIRE(f.repo.TryGit({"rev-parse", "HEAD"}, work.path).exit.ok());
  }
  SECTION("no pointer at all") { test::WriteFile(work.path / ".git", "nonsense\n"); }
  SECTION("something endless") {
    test::WriteFile(work.path / ".git", "gitdir: " + std::string(1u << 20, 'a'));
  }
  CHECK(ReasonOf(LocateStatus(f, work.path)) == "FORGED_WORKTREE");
  CHECK_OK(LocateStatus(f, other.path));
}

}  // namespace workmux::daemon
