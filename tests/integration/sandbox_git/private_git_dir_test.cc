#include "daemon/sandbox_git/private_git_dir.h"

#include <sys/stat.h>

#include <chrono>
#include <iostream>

#include "common/base/status.h"
#include "daemon/sandbox_git/private_config.h"
#include "tests/integration/sandbox_git/boundary.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

TEST_CASE("PrivateGitDir: no key that names a program passes, nor a credential", "[git]") {
  const std::string listed =
      "core.fsmonitor\ntouch "
      "x\0core.hookspath\n/h\0core.pager\np\0core.editor\ne\0core.sshcommand\ns\0"
      "core.askpass\na\0core.gitproxy\ng\0core.alternaterefscommand\nx\0core.attributesfile\n/x\0"
      "core.excludesfile\n/x\0core.worktree\n/"
      "x\0diff.external\nx\0diff.e.textconv\nx\0diff.e.command\nx\0"
      "filter.e.clean\nx\0filter.e.smudge\nx\0filter.e.process\nx\0merge.e.driver\nx\0remote.o."
      "uploadpack\nx\0"
      "remote.o.receivepack\nx\0remote.o.vcs\nx\0remote.x.url\next::sh -c "
      "x\0alias.x\n!x\0gpg.program\nx\0"
      "credential.helper\nx\0include.path\n/x\0includeif.gitdir:/x.path\n/x\0sequence.editor\nx\0"
      "pager.log\nx\0browser.b.cmd\nx\0man.m.cmd\nx\0mergetool.m.cmd\nx\0difftool.m.cmd\nx\0"
      "interactive.difffilter\nx\0uploadpack.packobjectshook\nx\0submodule.s.update\n!x\0"
      "user.signingkey\nk\0commit.gpgsign\ntrue\0extensions.worktreeconfig\ntrue\0trailer.x."
      "command\nx\0"
      "http.extraheader\nsecret\0url.x.insteadof\nhttps://\0protocol.ext.allow\nalways\0"s;
  const std::string text = daemon::BuildPrivateConfig(listed, /*bare=*/false);
  CHECK(text == "[core]\n\trepositoryformatversion = 0\n\tbare = false\n");
  CHECK(daemon::BuildPrivateConfig("remote.o.url\nhttps://u:pw@h/p@q\0"s, false)
            .find("\"https://h/p@q\"") != std::string::npos);
}

TEST_CASE("PrivateGitDir: values survive whatever they hold", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  world.Run(world.wt(),
            "git config user.name 'A \"quoted\\ # ; name'; git config "
            "branch.'we\"ird\\'.description 'a\nb\tc'");
  Boundary boundary(world);
  CHECK(boundary.MustInside("git config user.name") == "A \"quoted\\ # ; name");
  CHECK(boundary.MustInside("git config branch.'we\"ird\\'.description") == "a\nb\tc");
  CHECK(boundary.MustInside("git config user.email") == "user@example.invalid");
  CHECK(boundary.MustInside("git config remote.origin.url") == "https://example.invalid/x.git");
  CHECK(boundary.MustInside("git rev-parse --abbrev-ref topic@{upstream} 2>&1 || true")
            .find("topic") != std::string::npos);
}

TEST_CASE("PrivateGitDir: it is made once and found again", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  boundary.MustInside("git tag mine");
  struct stat info {};
  REQUIRE(::stat(boundary.dir.path().parent_path().c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  Boundary again(world);
  CHECK(again.dir.path() == boundary.dir.path());
  CHECK(again.MustInside("git tag -l mine") == "mine");
}

TEST_CASE("PrivateGitDir: a new worktree at the old path gets a new directory", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  {
    Boundary boundary(world);
    boundary.MustInside("git tag mine");
  }
  world.Run(world.main(), "git worktree remove -f ../wt; git worktree add -q ../wt topic");
  Boundary again(world);
  CHECK(again.MustInside("git tag -l mine").empty());
  CHECK(fs::exists(world.state() / "git/trash"));
  REQUIRE_OK(again.dir.MoveToTrash());
  CHECK_FALSE(fs::exists(again.dir.path()));
  REQUIRE_OK(again.dir.MoveToTrash());
}

TEST_CASE("PrivateGitDir: a forged pointer is refused", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  const fs::path pointer = world.wt() / ".git";
  const std::string good = ReadWholeFile(pointer);
  const auto ensure = [&] {
    return daemon::PrivateGitDir::Ensure(world.runner(), world.Linked(), world.state(), world.env(),
                                         {})
        .status();
  };
  WriteFile(pointer, "gitdir: " + (world.wt() / "evil").string() + "\n");
  CHECK_FALSE(ensure().ok());
  WriteFile(pointer, "gitdir: " + world.common().string() + "\n");
  CHECK(ReasonOf(ensure()) == "FORGED_WORKTREE");
  fs::remove(pointer);
  fs::create_symlink(world.common() / "worktrees/wt", pointer);
  CHECK(ReasonOf(ensure()) == "FORGED_WORKTREE");
  fs::remove(pointer);
  WriteFile(pointer, "gitdir: ../main/.git/worktrees/wt\n");
  CHECK_OK(ensure());
  WriteFile(pointer, good);
  CHECK_OK(ensure());
}

TEST_CASE("PrivateGitDir: unusual repositories work inside and import", "[git]") {
  if (!CanSandbox()) return;
  const auto works = [](Boundary boundary) {
    const std::string tip = boundary.MustInside(
        "echo 9 >> f; test \"$(git status --porcelain)\" = ' M f' && git commit -qam nine && git "
        "rev-parse HEAD");
    CHECK_OK(boundary.Import());
    CHECK(boundary.HostTip() == tip);
    CHECK(boundary.world.Out(boundary.worktree.path, "git status --porcelain").empty());
  };
  SECTION("bare main repository") {
    GitWorld world(GitWorld::Kind::kBareMain);
    works(Boundary(world));
  }
  SECTION("--separate-git-dir, linked") {
    GitWorld world(GitWorld::Kind::kSeparateGitDir);
    works(Boundary(world));
  }
  SECTION("--separate-git-dir, main checkout") {
    GitWorld world(GitWorld::Kind::kSeparateGitDir);
    world.Run(world.main(), "git worktree remove -f ../wt; git checkout -q topic");
    works(Boundary(world, world.Main()));
  }
  SECTION("main checkout") {
    GitWorld world(GitWorld::Kind::kNoLinked);
    works(Boundary(world, world.Main()));
  }
  SECTION("pointer without leading slash") {
    GitWorld world;
    WriteFile(world.wt() / ".git", "gitdir: ../main/.git/worktrees/wt\n");
    works(Boundary(world));
  }
  SECTION("borrowed objects") {
    GitWorld world;
    world.Run(
        world.root(),
        "mv main/.git/objects lent; mkdir -p main/.git/objects/info main/.git/objects/pack;"
        "mkdir -p lent2/pack lent2/info; echo ../../../lent2 > main/.git/objects/info/alternates;"
        "echo " +
            (world.root() / "lent").string() + " > lent2/info/alternates");
    works(Boundary(world));
    GitWorld other;
    other.Run(other.root(),
              "mv main/.git/objects lent; mkdir -p main/.git/objects/info main/.git/objects/pack;"
              "echo ../../../lent > main/.git/objects/info/alternates");
    Boundary quiet(other);
    CHECK(quiet.Inside("git status 2>&1; git fsck --no-progress 2>&1").out.find("error") ==
          std::string::npos);
  }
  SECTION("shallow clone") {
    GitWorld world;
    world.Run(world.root(),
              "git -C main worktree remove -f ../wt; mv main full;"
              "git clone -q --depth 1 --no-single-branch file://$PWD/full main;"
              "git -C main branch -q topic origin/topic; git -C main worktree add -q ../wt topic");
    works(Boundary(world));
  }
  SECTION("SHA-256 repository") {
    GitWorld world;
    world.Run(
        world.root(),
        "rm -rf main wt; git init -q --object-format=sha256 main; cd main; echo 1 > f; git add f;"
        "git commit -qm one; git worktree add -q -b topic ../wt");
    works(Boundary(world));
  }
  SECTION("sparse checkout with configuration per worktree") {
    GitWorld world;
    world.Run(world.wt(), "git sparse-checkout set dir");
    Boundary boundary(world);
    CHECK_FALSE(fs::exists(world.wt() / "clean"));
    CHECK(boundary.MustInside("git status --porcelain").empty());
    CHECK(boundary.MustInside("git sparse-checkout list") == "dir");
    works(Boundary(world));
  }
  SECTION("split index") {
    GitWorld world;
    world.Run(world.wt(), "git update-index --split-index; git config core.splitIndex true");
    works(Boundary(world));
  }
  SECTION("the user's ignore file") {
    GitWorld world;
    WriteFile(world.root() / "home/.config/git/ignore", "*.mine\n");
    WriteFile(world.wt() / "a.mine", "");
    works(Boundary(world));
  }
}

TEST_CASE("PrivateGitDir: a submodule's git directory is readable and not writable", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  world.Run(world.wt(),
            "git init -q ../lib && git -C ../lib commit -q --allow-empty -m lib &&"
            "git -c protocol.file.allow=always submodule --quiet add \"$PWD/../lib\" lib && git "
            "commit -qm sub");
  Boundary boundary(world);
  CHECK(boundary.MustInside("git -C lib log --format=%s") == "lib");
  CHECK(boundary.MustInside("git status --porcelain").empty());
  const CommandResult commit = boundary.Inside("git -C lib commit -q --allow-empty -m no");
  CHECK_FALSE(commit.exit.ok());
  CHECK(commit.err.find("Read-only file system") != std::string::npos);
  boundary.MustInside("git commit -q --allow-empty -m outer");
  CHECK_OK(boundary.Import());
}

TEST_CASE("PrivateGitDir: `git gc --prune=now` on the host leaves the sandbox whole", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  boundary.MustInside("echo 9 >> f; git commit -qam nine; git gc -q --prune=now; git stash list");
  REQUIRE_OK(boundary.Import());
  boundary.MustInside(
      "git gc -q --prune=now; git commit -q --amend -m other; echo 8 >> f; git stash -q");
  REQUIRE_OK(boundary.Import());
  world.Run(world.main(), "git repack -adq; git gc -q --prune=now");
  CHECK(boundary.Inside("git fsck --no-progress 2>&1").out.find("missing") == std::string::npos);
  boundary.MustInside("git stash pop -q; git commit -qam after; git log -p --all > /dev/null");
  CHECK_OK(boundary.Import());
}

TEST_CASE("PrivateGitDir: a hundred thousand refs", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  world.Run(
      world.main(),
      "git pack-refs --all; h=$(git rev-parse main); (cat .git/packed-refs;"
      "seq -f \"$h refs/heads/zz%06g\" 1 100000) | sed 's/ sorted//' > p; mv p .git/packed-refs");
  const auto time = [](const char* what, auto&& call) {
    const auto start = std::chrono::steady_clock::now();
    call();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    std::cout << "100,000 refs: " << what << ": " << took.count() << " ms\n";
  };
  const daemon::BubblewrapJail jail = Must(daemon::BubblewrapJail::Find());
  time("made", [&] { Boundary made(world); });
  Boundary boundary(world);
  CHECK(boundary.MustInside("git for-each-ref | wc -l") ==
        world.Out(world.main(), "git for-each-ref | wc -l"));
  boundary.MustInside("git commit -q --allow-empty -m x");
  time("imported", [&] { CHECK_OK(boundary.Import()); });
  time("unmoved", [&] { CHECK_OK(boundary.Import()); });
  world.Run(world.main(), "git tag new");
  time("followed", [&] { CHECK(Must(boundary.Follow()).updated == 1); });
}

}  // namespace
}  // namespace workmux::test
