#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>

#include "daemon/domain/worktree_deps.h"
#include "daemon/domain/worktree_requests.h"

namespace workmux::daemon {

// What removing `worktree` would lose. A check that fails is written down in
// `unknown`; it is no error of this call.
RemovalCandidate InspectWorktree(const WorktreeDeps& deps, const WorktreeContext& context,
                                 const Worktree& worktree);

struct RemovalOrder {
  Worktree worktree;
  bool discard_uncommitted = false;
  bool discard_unmerged = false;
  bool keep_branch = false;
  bool force = false;
  bool no_hooks = false;
  WorktreeCallback before_remove;
  // After a merge: the commit that was merged. A branch with another one by now
  // has new work, and is not removed.
  std::optional<std::string> merged_tip;
};

// The only way in which a worktree goes away. All guards stand here: main
// worktree, identity, uncommitted and unmerged work (looked at again after
// everything that takes time). Then hooks, windows, rename, git, branch by
// compare-and-swap with its last commit kept under a recovery ref, files.
// Reasons: MAIN_WORKTREE, UNCOMMITTED_CHANGES, UNMERGED_COMMITS, LOCKED,
// REMOVAL_UNKNOWN, WORKTREE_CHANGED. The caller holds the worktree's lock.
absl::StatusOr<RemoveResult> RemoveWorktree(const WorktreeDeps& deps,
                                            const WorktreeContext& context,
                                            const RemovalOrder& order);

// A removal that a crash interrupted after the rename.
struct InterruptedRemoval {
  Worktree worktree;
  std::filesystem::path trash;
  std::string tip;  // of the branch to delete; empty: it stays
  std::string recovery_ref;
};
absl::Status FinishRemoval(const WorktreeDeps& deps, const InterruptedRemoval& removal);

}  // namespace workmux::daemon
