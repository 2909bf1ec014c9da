#include "daemon/sandbox_git/branch_importer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>
#include <iostream>

#include "common/base/status.h"
#include "tests/integration/sandbox_git/boundary.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

// Counts the processes that are started.
class CountingRunner : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const Command& command, const RunOptions& options) override {
    ++count;
    return real_.Run(command, options);
  }
  absl::StatusOr<ExitStatus> Stream(const Command& command, const RunOptions& options,
                                    OutputFn fn) override {
    ++count;
    return real_.Stream(command, options, fn);
  }
  int count = 0;

 private:
  PosixCommandRunner real_;
};

TEST_CASE("BranchImporter: a commit inside becomes the host's branch", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  const std::string old_tip = boundary.HostTip();
  const auto before = world.HostFiles();
  const std::string tip =
      boundary.MustInside("echo 9 >> f; git commit -qam nine; git rev-parse HEAD");
  CHECK(boundary.HostTip() == old_tip);

  const auto start = std::chrono::steady_clock::now();
  const auto import = Must(boundary.Import());
  const auto took =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start);
  std::cout << "import: " << took.count() << " ms\n";
  CHECK(import.changed);
  CHECK(import.branch == "topic");
  CHECK(import.old_id == old_tip);
  CHECK(import.new_id == tip);
  CHECK(import.index_followed);
  CHECK(boundary.HostTip() == tip);
  CHECK(world.Out(world.wt(), "git status --porcelain").empty());
  CHECK(world.Out(world.wt(), "git show HEAD:f | tail -1") == "9");
  CHECK(world.Out(world.wt(), "git fsck --no-progress 2>&1").find("error") == std::string::npos);

  auto after = world.HostFiles();
  after["refs/heads/topic"] = before.at("refs/heads/topic");
  CHECK(after == before);
}

TEST_CASE("BranchImporter: other refs of the host are not looked at", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  const std::string tip =
      boundary.MustInside("echo 9 >> f; git commit -qam nine; git rev-parse HEAD");
  // Git would fail on it, as it would slow down with very many.
  world.Run(world.common(), "printf '%040d\\n' 1 > refs/tags/broken");
  REQUIRE_FALSE(world.Run(world.common(), "git rev-list --all", false).exit.ok());

  CHECK(Must(boundary.Import()).changed);
  CHECK(boundary.HostTip() == tip);
  CHECK_FALSE(fs::exists(world.common() / "refs/workmux"));
  CHECK(world.Run(world.common(), "git rev-list --objects topic").exit.ok());
}

TEST_CASE("BranchImporter: an unmoved branch costs no process", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  CountingRunner runner;
  CHECK_FALSE(
      Must(
          daemon::BranchImporter(runner, boundary.jail).Import(boundary.worktree, boundary.dir, {}))
          .changed);
  CHECK(runner.count == 0);
  boundary.MustInside("echo 9 >> f; git commit -qam nine; git gc -q");
  CHECK(
      Must(
          daemon::BranchImporter(runner, boundary.jail).Import(boundary.worktree, boundary.dir, {}))
          .changed);
  CHECK(runner.count > 0);
  runner.count = 0;
  CHECK_FALSE(
      Must(
          daemon::BranchImporter(runner, boundary.jail).Import(boundary.worktree, boundary.dir, {}))
          .changed);
  CHECK(runner.count == 0);
}

TEST_CASE("BranchImporter: amended and rebased branches are taken", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  for (const char* script :
       {"git commit -q --amend -m again", "git rebase -q clean", "git reset -q --hard HEAD~1",
        "git merge -q -s ours -m merged clash"}) {
    const std::string tip = boundary.MustInside(std::string(script) + "; git rev-parse HEAD");
    CHECK(Must(boundary.Import()).changed);
    CHECK(boundary.HostTip() == tip);
    CHECK(world.Out(world.wt(), "git status --porcelain").empty());
  }
}

TEST_CASE("BranchImporter: what the user staged outside stays staged", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  world.Run(world.wt(), "echo mine > mine; git add mine");
  boundary.MustInside("echo 9 >> f; git commit -qm nine f");
  CHECK(Must(boundary.Import()).index_followed);
  CHECK(world.Out(world.wt(), "git status --porcelain") == "A  mine");
}

TEST_CASE("BranchImporter: an operation under way on the host keeps its index", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  world.Run(world.wt(), "git merge -q clash", /*must=*/false);
  const std::string conflict = world.Out(world.wt(), "git ls-files -u");
  CHECK_FALSE(conflict.empty());
  boundary.MustInside("git commit -q --allow-empty -m x");
  CHECK_FALSE(Must(boundary.Import()).index_followed);
  CHECK(world.Out(world.wt(), "git ls-files -u") == conflict);
}

TEST_CASE("BranchImporter: a branch that moved on both sides is not overwritten", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  world.Run(world.wt(), "git commit -q --allow-empty -m host");
  const std::string host = boundary.HostTip();
  boundary.MustInside("git commit -q --allow-empty -m guest");
  const absl::Status status = boundary.Import().status();
  CHECK_CODE(status, absl::StatusCode::kAborted);
  CHECK(ReasonOf(status) == "BRANCH_DIVERGED");
  CHECK(boundary.HostTip() == host);
  CHECK(world.Out(world.main(), "git for-each-ref refs/workmux").empty());

  CHECK(Must(boundary.Follow()).own_branch_left);
  boundary.MustInside("git rebase -q host/topic");
  CHECK(Must(boundary.Import()).changed);
  CHECK(world.Out(world.main(), "git log -2 --format=%s topic") == "guest\nhost");
}

TEST_CASE("BranchImporter: other branches made inside stay inside", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  const auto before = world.HostFiles();
  boundary.MustInside(
      "git switch -q -c secret; git commit -q --allow-empty -m s; git tag stolen; "
      "git update-ref refs/heads/main HEAD");
  CHECK_FALSE(Must(boundary.Import()).changed);
  CHECK(world.HostFiles() == before);
}

TEST_CASE("BranchImporter: a deleted or renamed branch is refused", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  const std::string tip = boundary.HostTip();
  boundary.MustInside("git branch -m mine");
  CHECK(ReasonOf(boundary.Import().status()) == "IMPORT_REFUSED");
  CHECK(boundary.HostTip() == tip);
}

TEST_CASE("BranchImporter: a detached worktree imports nothing", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  world.Run(world.wt(), "git checkout -q --detach");
  Boundary boundary(world, world.Linked("wt", ""));
  boundary.MustInside("git commit -q --allow-empty -m x; git status");
  CHECK_FALSE(Must(boundary.Import()).changed);
}

TEST_CASE("BranchImporter: the first commit of an unborn branch is taken", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  world.Run(world.wt(), "git checkout -q --orphan fresh");
  Boundary boundary(world, world.Linked("wt", "fresh"));
  CHECK_FALSE(Must(boundary.Import()).changed);
  boundary.MustInside("git commit -qm first");
  CHECK(Must(boundary.Import()).old_id.empty());
  CHECK(world.Out(world.main(), "git log --format=%s fresh") == "first");
}

TEST_CASE("BranchImporter: a tip that is no commit is refused", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  const std::string tip = boundary.HostTip();
  for (const char* object : {"HEAD:f", "HEAD:dir", "v1"}) {
    INFO(object);
    boundary.MustInside("d=$(git rev-parse --git-common-dir); o=$(git rev-parse " +
                        std::string(object) + "); echo $o > $d/refs/heads/topic");
    CHECK(ReasonOf(boundary.Import().status()) == "IMPORT_REFUSED");
    CHECK(boundary.HostTip() == tip);
    CHECK(world.Out(world.main(), "git for-each-ref refs/workmux").empty());
    boundary.MustInside("echo " + tip + " > $(git rev-parse --git-common-dir)/refs/heads/topic");
  }
}

TEST_CASE("BranchImporter: what stands in place of the ref is not followed", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  const std::string tip = boundary.HostTip();
  for (const char* trick :
       {"ln -sf ../../../../../../../../etc/passwd $d/refs/heads/topic",
        "echo 'ref: refs/heads/main' > $d/refs/heads/topic",
        "echo 'ref: ../../../../HEAD' > $d/refs/heads/topic",
        "rm -f $d/refs/heads/topic; mkfifo $d/refs/heads/topic", "mkdir $d/refs/heads/topic",
        "truncate -s 1T $d/refs/heads/topic",
        "rm -r $d/refs/heads; ln -s ../../../main/.git/refs/heads $d/refs/heads",
        "rm -r $d/refs; touch $d/refs", "printf '%040d' 7 > $d/refs/heads/topic",
        "rm -f $d/refs/heads/topic $d/packed-refs; mkfifo $d/packed-refs",
        "rm -f $d/refs/heads/topic; truncate -s 1T $d/packed-refs"}) {
    INFO(trick);
    GitWorld fresh;
    Boundary hostile(fresh);
    hostile.Inside("d=$(git rev-parse --git-common-dir); " + std::string(trick));
    const auto start = std::chrono::steady_clock::now();
    const absl::Status status = hostile.Import().status();
    INFO(status.ToString());
    CHECK(ReasonOf(status) == "IMPORT_REFUSED");
    // Nobody writes to the pipe, and 1 TiB is not read in that time.
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(20));
    CHECK(hostile.HostTip() == tip);
  }
}

TEST_CASE("BranchImporter: an object that does not check stays outside the host's repository",
          "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  const std::string tip = boundary.HostTip();
  // A tree with an entry named ".git", which fsck refuses.
  boundary.MustInside(
      "b=$(echo x | git hash-object -w --stdin);"
      "t=$(printf '100644 blob %s\\t.git\\n' $b | git mktree);"
      "c=$(echo evil | git commit-tree $t -p HEAD); git update-ref refs/heads/topic $c");
  CHECK(ReasonOf(boundary.Import().status()) == "IMPORT_REFUSED");
  CHECK(boundary.HostTip() == tip);
  // A commit whose tree is missing.
  boundary.MustInside(
      "d=$(git rev-parse --git-common-dir); git update-ref refs/heads/topic HEAD; rm -rf "
      "$d/refs/heads/topic;"
      "printf 'tree %040d\\nauthor a <a> 1 +0000\\ncommitter a <a> 1 +0000\\n\\nx' 5 |"
      " git hash-object -t commit -w --stdin --literally > $d/refs/heads/topic");
  CHECK(ReasonOf(boundary.Import().status()) == "IMPORT_REFUSED");
  CHECK(boundary.HostTip() == tip);
}

TEST_CASE("BranchImporter: programs that the guest configured run nowhere", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  const std::string marker = (world.root() / "marker").string();
  boundary.MustInside(
      "echo 9 >> f; git commit -qam nine; d=$(git rev-parse --git-common-dir);"
      "git config core.fsmonitor 'touch " +
      marker + "'; git config uploadpack.packObjectsHook 'touch " + marker +
      "'; git config alias.upload-pack '!touch " + marker +
      "'; git config core.hooksPath $PWD/h; mkdir h;"
      "printf '#!/bin/sh\\ntouch " +
      marker +
      "' > h/reference-transaction; chmod +x h/*;"
      "ln -sf " +
      world.main().string() + "/.git/config $d/shallow; echo /etc >> $d/objects/info/alternates");
  CHECK(Must(boundary.Import()).changed);
  CHECK_FALSE(fs::exists(marker));
}

TEST_CASE("BranchImporter: a repository made inside is not taken as a submodule", "[git]") {
  if (!CanSandbox()) return;
  // Control: once the host's index holds it, the user's own git runs in it.
  {
    GitWorld world;
    const std::string marker = (world.root() / "marker").string();
    world.Run(world.wt(),
              "git init -q nested && cd nested && git -c user.name=n -c user.email=n@example.org "
              "commit -q --allow-empty -m n && "
              "git config core.fsmonitor \"touch '" +
                  marker +
                  "'; false\" && cd .. && "
                  "git add nested && git commit -qm nested && rm -f '" +
                  marker + "'");
    world.Run(world.wt(), "git status", false);
    CHECK(fs::exists(marker));
  }
  GitWorld world;
  Boundary boundary(world);
  const std::string tip = boundary.HostTip();
  boundary.MustInside(
      "git init -q nested && cd nested && git -c user.name=n -c user.email=n@example.org commit -q "
      "--allow-empty -m n && "
      "git config core.fsmonitor \"touch '" +
      (world.root() / "marker").string() +
      "'; false\" && cd .. && "
      "git add nested && git commit -qm nested");
  const auto import = boundary.Import();
  CHECK_CODE(import, absl::StatusCode::kFailedPrecondition);
  CHECK(ReasonOf(import.status()) == "IMPORT_REFUSED");
  CHECK(boundary.HostTip() == tip);
  world.Run(world.wt(), "git status", false);
  CHECK_FALSE(fs::exists(world.root() / "marker"));
  // What the branch gains otherwise is taken.
  boundary.MustInside(
      "git rm -q --cached nested && git commit -qm without && echo 1 > g && git add g && git "
      "commit -qm g");
  CHECK(Must(boundary.Import()).changed);
}

TEST_CASE("BranchImporter: an import that was not recorded is recognised", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  const std::string old_tip = boundary.HostTip();
  const std::string tip = boundary.MustInside("git commit -q --amend -m again; git rev-parse HEAD");
  REQUIRE_OK(boundary.Import());
  REQUIRE_OK(boundary.dir.SetBase("topic", old_tip));
  CHECK_OK(boundary.Import());
  CHECK(boundary.HostTip() == tip);
  CHECK(Must(boundary.dir.Base("topic")) == tip);
}

}  // namespace
}  // namespace workmux::test
