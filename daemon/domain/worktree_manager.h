#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/worktree_deps.h"
#include "daemon/domain/worktree_locks.h"
#include "daemon/domain/worktree_requests.h"

namespace workmux::daemon {

// The life cycle of worktrees. Thread-safe; every call blocks until it is done.
// Two operations on one worktree or branch at a time: the second is kAborted
// (OPERATION_UNDER_WAY). An empty name means the worktree the caller stands in.
class WorktreeManager {
 public:
  explicit WorktreeManager(WorktreeDeps deps) : deps_(std::move(deps)) {}

  absl::StatusOr<AddResult> Add(const WorktreeContext& context, const AddRequest& request);
  absl::StatusOr<OpenResult> Open(const WorktreeContext& context, const OpenRequest& request);
  absl::StatusOr<CloseResult> Close(const WorktreeContext& context, const CloseRequest& request);
  absl::StatusOr<MergeResult> Merge(const WorktreeContext& context, const MergeRequest& request);
  absl::StatusOr<RemoveResult> Remove(const WorktreeContext& context, const RemoveRequest& request);
  // All names are resolved before the first is looked at.
  absl::StatusOr<std::vector<RemovalCandidate>> InspectRemoval(
      const WorktreeContext& context, const std::vector<std::string>& names);

  absl::StatusOr<ListResult> List(const WorktreeContext& context, const ListRequest& request);
  absl::StatusOr<ListEntry> Find(const WorktreeContext& context, std::string_view name);
  absl::StatusOr<Worktree> Resolve(const WorktreeContext& context, std::string_view name);

  // Undoes or finishes what a crash interrupted. Call once, before any operation.
  absl::Status Recover(ProgressSink& progress);

  // Drops the last commits of branches that were removed long ago (recovery_refs.h)
  // in every repository with a worktree of workmux.
  void PruneRecoveryRefs(ProgressSink& progress);

 private:
  WorktreeDeps deps_;
  WorktreeLocks locks_;
};

}  // namespace workmux::daemon
