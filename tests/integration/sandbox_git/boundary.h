#pragma once

#include "daemon/sandbox_git/branch_importer.h"
#include "daemon/sandbox_git/git_jail.h"
#include "daemon/sandbox_git/private_git_dir.h"
#include "daemon/sandbox_git/ref_follower.h"
#include "tests/support/git_world.h"
#include "tests/support/status_matchers.h"

namespace workmux::test {

// A world with the private git directory of one worktree.
struct Boundary {
  explicit Boundary(GitWorld& w) : Boundary(w, w.Linked()) {}
  Boundary(GitWorld& w, const daemon::Worktree& which)
      : world(w),
        worktree(which),
        dir(Must(daemon::PrivateGitDir::Ensure(w.runner(), which, w.state(), w.env(), {}))),
        jail(Must(daemon::BubblewrapJail::Find())) {}

  CommandResult Inside(const std::string& script) {
    return world.RunInside(worktree, Must(dir.Mounts()), script);
  }
  std::string MustInside(const std::string& script) {
    CommandResult result = Inside(script);
    INFO(script << "\n" << result.out << result.err);
    REQUIRE(result.exit.ok());
    while (!result.out.empty() && result.out.back() == '\n') result.out.pop_back();
    return result.out;
  }
  absl::StatusOr<daemon::BranchImporter::Imported> Import() {
    return daemon::BranchImporter(world.runner(), jail).Import(worktree, dir, {});
  }
  absl::StatusOr<daemon::RefFollower::Followed> Follow() {
    return daemon::RefFollower(world.runner(), jail).Follow(worktree, dir, {});
  }
  std::string HostTip(const std::string& ref = "refs/heads/topic") {
    return world.Out(world.common(), "git rev-parse --verify -q " + ref);
  }

  GitWorld& world;
  daemon::Worktree worktree;
  daemon::PrivateGitDir dir;
  daemon::BubblewrapJail jail;
};

}  // namespace workmux::test
