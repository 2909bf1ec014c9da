#include "daemon/sandbox_git/ref_follower.h"

#include <filesystem>

#include "tests/integration/sandbox_git/boundary.h"

namespace workmux::test {
namespace {

TEST_CASE("RefFollower: the sandbox sees refs that moved, came and went on the host", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  CHECK(Must(boundary.Follow()).updated == 0);
  world.Run(world.main(),
            "git commit -q --allow-empty -m news; git branch fresh; git branch -D other;"
            "git branch other/below; git tag -d light; git pack-refs --all");
  CHECK(Must(boundary.Follow()).updated == 5);
  CHECK(boundary.MustInside("git for-each-ref") == world.Out(world.main(), "git for-each-ref"));
  CHECK(boundary.MustInside("git log -1 --format=%s main") == "news");
  CHECK(boundary.MustInside("git status --porcelain").empty());
  CHECK(Must(boundary.Follow()).updated == 0);
}

TEST_CASE("RefFollower: refs that the guest changed stay the guest's", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  boundary.MustInside(
      "git branch -f other topic; git branch -D clean; git branch mine; git branch "
      "fresh/in/the/way");
  const std::string other = boundary.MustInside("git rev-parse other");
  world.Run(world.main(),
            "git branch -f other main~1; git branch -f clean main~1; git branch -f clash main;"
            "git branch mine main; git branch fresh");
  CHECK(Must(boundary.Follow()).updated == 1);
  CHECK(boundary.MustInside("git rev-parse other") == other);
  CHECK(boundary.MustInside("git rev-parse mine") == boundary.MustInside("git rev-parse topic"));
  CHECK_FALSE(boundary.Inside("git rev-parse -q --verify clean").exit.ok());
  CHECK(boundary.MustInside("git rev-parse clash") == boundary.MustInside("git rev-parse main"));
}

TEST_CASE("RefFollower: the own branch follows with the index when it is clean", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  world.Run(world.wt(), "echo host > host; git add host; git commit -qm host");
  const auto followed = Must(boundary.Follow());
  CHECK_FALSE(followed.own_branch_left);
  CHECK(boundary.MustInside("git rev-parse HEAD") == boundary.HostTip());
  CHECK(boundary.MustInside("git status --porcelain").empty());
  CHECK_FALSE(Must(boundary.Import()).changed);
  boundary.MustInside("git commit -q --allow-empty -m guest");
  CHECK(Must(boundary.Import()).changed);
  CHECK(Must(boundary.Follow()).updated == 0);
}

TEST_CASE("RefFollower: the own branch stays while something is staged, and follows later",
          "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  boundary.MustInside("echo staged > staged; git add staged");
  const std::string old_tip = boundary.HostTip();
  world.Run(world.wt(), "git commit -q --allow-empty -m host");
  CHECK(Must(boundary.Follow()).own_branch_left);
  CHECK(boundary.MustInside("git rev-parse HEAD") == old_tip);
  CHECK(boundary.MustInside("git rev-parse host/topic") == boundary.HostTip());
  boundary.MustInside("git reset -q");
  CHECK_FALSE(Must(boundary.Follow()).own_branch_left);
  CHECK(boundary.MustInside("git rev-parse HEAD") == boundary.HostTip());
}

TEST_CASE("RefFollower: what the guest left in the directory harms only the guest", "[git]") {
  if (!CanSandbox()) return;
  for (const char* trick :
       {"rm -rf $d/refs; ln -s ../../../../main/.git/refs $d/refs",
        "rm -rf $d/refs; mkfifo $d/refs", "echo broken > $d/config",
        "echo /etc > $d/worktrees/wt/commondir",
        "printf '#!/bin/sh\\ntouch $WM_MARKER' > $d/hooks/reference-transaction; chmod +x "
        "$d/hooks/*",
        "git config core.fsmonitor 'touch $WM_MARKER'; git config include.path /etc/passwd",
        "touch $d/packed-refs.lock $d/worktrees/wt/index.lock"}) {
    INFO(trick);
    GitWorld world;
    Boundary boundary(world);
    boundary.Inside("d=$(git rev-parse --git-common-dir); WM_MARKER=" +
                    (world.root() / "marker").string() + "; " + trick);
    world.Run(world.wt(), "git commit -q --allow-empty -m host; git branch -D other; git branch x");
    const auto before = world.HostFiles();
    static_cast<void>(boundary.Follow());
    CHECK(world.HostFiles() == before);
    CHECK_FALSE(std::filesystem::exists(world.root() / "marker"));
  }
}

}  // namespace
}  // namespace workmux::test
