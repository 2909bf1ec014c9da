#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <vector>

#include "daemon/domain/worktree_deps.h"
#include "daemon/domain/worktree_requests.h"

namespace workmux::daemon {

// One `merge`: brings the worktree's branch into its target and then removes the
// worktree. No checkout of the user is ever switched to another branch: a target
// that is checked out is merged where it is; one that is not is moved by
// compare-and-swap when that is a fast-forward, and merged in a checkout of our
// own otherwise. Reasons: UNCOMMITTED_CHANGES, TARGET_NOT_CLEAN, MERGE_CONFLICT,
// REBASE_CONFLICT, OPERATION_IN_PROGRESS, DETACHED_HEAD.
class MergeWorktree {
 public:
  MergeWorktree(const WorktreeDeps& deps, const WorktreeContext& context,
                const MergeRequest& request, Worktree source);

  // At most once. The caller holds the source's lock.
  absl::StatusOr<MergeResult> Run();

 private:
  absl::Status ChooseTarget();
  absl::Status RequireIdle(const Worktree& worktree) const;
  absl::Status CheckSource();
  absl::Status CheckTarget() const;
  absl::Status RunPreMerge();
  absl::Status MergeCommits();
  absl::Status RebaseSource();
  absl::Status MergeIntoRef(const std::string& target_id);
  absl::Status MergeIn(const Worktree& checkout);
  absl::Status MergeInOwnCheckout();
  absl::Status CheckMerged();
  absl::StatusOr<std::string> SquashMessage();
  void CleanUp(MergeResult& result);

  const WorktreeDeps& deps_;
  const WorktreeContext& context_;
  const MergeRequest& request_;
  Worktree source_;
  MergeStrategy strategy_;
  bool keep_;
  std::string target_;  // short branch name
  std::optional<Worktree> target_worktree_;
  std::string source_tip_;
  bool dirty_ = false;  // and told to ignore it
};

// Removes a checkout that a merge made for itself; absent is success.
absl::Status RemoveOwnCheckout(const WorktreeDeps& deps, const Repository& repository,
                               const std::filesystem::path& path);

}  // namespace workmux::daemon
