#include <unistd.h>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/tree.h"
#include "daemon/domain/add_worktree.h"
#include "daemon/domain/worktree_base.h"
#include "daemon/domain/worktree_naming.h"
#include "daemon/domain/worktree_trash.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

absl::Status WorkInside(std::string_view what) {
  return WithReason(FailedPrecondition("it has {}", what), "WORK_INSIDE");
}

absl::Status CheckNobodyWorked(const WorktreeDeps& deps, const AddUndo& undo,
                               const Worktree& worktree) {
  if (undo.created_branch) {
    WM_ASSIGN_OR_RETURN(
        const std::optional<std::string> tip,
        Optional(deps.git.ResolveRef(worktree.repository, "refs/heads/" + worktree.branch)));
    if (tip && *tip != undo.start) return WorkInside("new commits");
  }
  if (worktree.missing) return absl::OkStatus();
  absl::StatusOr<WorktreeChanges> changes = deps.git.Changes(worktree, {});
  if (!changes.ok()) {
    return WorkInside(Format("a state that could not be read ({})", MessageOf(changes.status())));
  }
  // Untracked files of a worktree that nobody was told of are what our own file
  // operations and hooks made.
  const bool worked = changes->staged || changes->unstaged || changes->conflicted ||
                      !changes->operation.empty() || (undo.strict && changes->untracked);
  return worked ? WorkInside("uncommitted changes") : absl::OkStatus();
}

absl::Status DeleteCreatedBranch(const WorktreeDeps& deps, const AddUndo& undo) {
  WM_ASSIGN_OR_RETURN(const std::vector<Worktree> left,
                      deps.git.ListWorktrees(undo.worktree.repository));
  for (const Worktree& other : left) {
    if (other.branch == undo.worktree.branch) return absl::OkStatus();
  }
  const std::string ref = "refs/heads/" + undo.worktree.branch;
  WM_ASSIGN_OR_RETURN(const std::optional<std::string> tip,
                      Optional(deps.git.ResolveRef(undo.worktree.repository, ref)));
  if (!tip || *tip != undo.start) return absl::OkStatus();
  return deps.git.UpdateRef(undo.worktree.repository, ref, "", undo.start);
}

}  // namespace

absl::Status UndoAdd(const WorktreeDeps& deps, const AddUndo& undo) {
  const Worktree& made = undo.worktree;
  WM_ASSIGN_OR_RETURN(const std::vector<Worktree> worktrees,
                      deps.git.ListWorktrees(made.repository));
  for (const Worktree& worktree : worktrees) {
    if (worktree.path != made.path || worktree.is_main) continue;
    if (worktree.branch != made.branch) return WorkInside("another branch checked out");
    WM_RETURN_IF_ERROR(CheckNobodyWorked(deps, undo, worktree));
    fs::path trash;
    if (!worktree.missing) {
      WM_ASSIGN_OR_RETURN(trash, MoveToTrash(worktree.path, UnixSeconds(deps)));
    }
    const absl::Status forgotten = deps.git.ForgetWorktree(worktree);
    if (!forgotten.ok()) {
      if (!trash.empty()) static_cast<void>(RestoreFromTrash(trash, worktree.path));
      return forgotten;
    }
    if (!trash.empty()) {
      WM_RETURN_IF_ERROR(RemoveTree(trash.parent_path(), trash.filename().string()));
    }
  }
  WM_RETURN_IF_ERROR(deps.records.Erase(made.repository.common_dir, made.path));
  return undo.created_branch ? DeleteCreatedBranch(deps, undo) : absl::OkStatus();
}

}  // namespace workmux::daemon
