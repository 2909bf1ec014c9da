#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "common/process/command_runner.h"
#include "daemon/domain/types.h"
#include "daemon/sandbox_git/git_jail.h"
#include "daemon/sandbox_git/private_git_dir.h"

namespace workmux::daemon {

struct RefChange {
  std::string name;
  std::string old_id;  // as the guest was told; empty: absent
  std::string new_id;  // empty: delete
};

// Tells a sandbox what happened to the host's refs. Every ref that the guest has
// not changed itself follows, by compare-and-swap; what the guest changed stays.
// The worktree's own branch follows only when it has nothing of its own, is
// checked out inside and the guest's index is clean; otherwise the host's value
// is shown inside as refs/remotes/host/<branch>. Thread-safe; blocks.
class RefFollower {
 public:
  struct Followed {
    std::size_t updated = 0;       // refs written inside
    bool own_branch_left = false;  // the host's value of the own branch is not taken
  };

  RefFollower(CommandRunner& runner, const GitJail& jail) : runner_(runner), jail_(jail) {}

  // Costs no process when nothing has changed (reftable: one).
  absl::StatusOr<Followed> Follow(const Worktree& worktree, const PrivateGitDir& dir,
                                  std::stop_token stop);

 private:
  absl::Status Apply(const PrivateGitDir& dir, const std::vector<Mount>& mounts,
                     std::span<const RefChange> changes, int& budget, std::size_t& applied,
                     std::stop_token stop);
  absl::StatusOr<bool> AdvanceOwn(const PrivateGitDir& dir, const std::vector<Mount>& mounts,
                                  const RefChange& own, std::stop_token stop);

  CommandRunner& runner_;
  const GitJail& jail_;
};

}  // namespace workmux::daemon
