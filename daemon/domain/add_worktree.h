#pragma once

#include <absl/status/statusor.h>

#include <optional>

#include "daemon/domain/pane_planner.h"
#include "daemon/domain/worktree_deps.h"
#include "daemon/domain/worktree_locks.h"
#include "daemon/domain/worktree_requests.h"
#include "daemon/domain/worktree_windows.h"

namespace workmux::daemon {

// One `add`: everything that can fail without a trace first, then the worktree,
// its files, hooks and window. A failure takes all of it back, unless someone
// has worked in it by then.
class AddWorktree {
 public:
  AddWorktree(const WorktreeDeps& deps, WorktreeLocks& locks, const WorktreeContext& context,
              const AddRequest& request)
      : deps_(deps), locks_(locks), context_(context), request_(request) {}

  // At most once.
  absl::StatusOr<AddResult> Run();

 private:
  absl::Status CheckInput();
  absl::Status ChoosePlace();
  absl::Status ChooseBranch();
  absl::Status ChooseRemoteBranch(const std::string& remote_id);
  absl::Status ChooseBase();
  absl::Status CheckPlaceIsFree();
  absl::Status CheckBranchIsFree();
  absl::Status CheckWindow();
  absl::Status Create();
  absl::Status Equip();
  absl::Status MakePrompt();
  absl::Status Stopped() const;
  absl::Status RollBack(const absl::Status& cause);

  const WorktreeDeps& deps_;
  WorktreeLocks& locks_;
  const WorktreeContext& context_;
  const AddRequest& request_;

  Worktree here_;      // where the caller stands
  Worktree worktree_;  // the new one
  std::vector<Worktree> siblings_;
  AddWorktreeSpec spec_;
  std::string base_;   // as it is recorded
  std::string start_;  // commit that the branch has at the beginning
  std::string token_;
  WindowOrder window_;
  AddResult result_;
  std::int64_t journal_id_ = 0;
  bool created_ = false;
};

// Takes back what an `add` made: record, worktree, and the branch when
// `created_branch` and it still is at `start`. kFailedPrecondition (WORK_INSIDE)
// without a change when someone's work is in it; with `strict` an untracked file
// counts as such.
struct AddUndo {
  Worktree worktree;
  std::string start;
  bool created_branch = false;
  bool strict = false;
};
absl::Status UndoAdd(const WorktreeDeps& deps, const AddUndo& undo);

}  // namespace workmux::daemon
