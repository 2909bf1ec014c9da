#include <unistd.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/add_worktree.h"
#include "daemon/domain/merge_worktree.h"
#include "daemon/domain/operation_payload.h"
#include "daemon/domain/remove_worktree.h"
#include "daemon/domain/worktree_manager.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTrashNote = "trash=";

Worktree WorktreeOf(OperationFields& fields) {
  Worktree worktree;
  worktree.repository = {fields["common_dir"], fields["main"]};
  worktree.path = fields["path"];
  worktree.branch = fields["branch"];
  return worktree;
}

absl::Status RecoverAdd(const WorktreeDeps& deps, const OperationJournal::Entry& entry,
                        OperationFields& fields) {
  // Built and recorded: the worktree is whole, only its window may be missing.
  if (std::find(entry.steps.begin(), entry.steps.end(), "built") != entry.steps.end()) {
    return absl::OkStatus();
  }
  const Worktree worktree = WorktreeOf(fields);
  WM_RETURN_IF_ERROR(UndoAdd(deps, {worktree, fields["start"], fields["created_branch"] == "1",
                                    /*strict=*/true}));
  ::rmdir(worktree.path.parent_path().c_str());  // where it was the first
  return absl::OkStatus();
}

absl::Status RecoverRemove(const WorktreeDeps& deps, const OperationJournal::Entry& entry,
                           OperationFields& fields) {
  InterruptedRemoval removal;
  removal.worktree = WorktreeOf(fields);
  removal.tip = fields["tip"];
  removal.recovery_ref = fields["recovery_ref"];
  std::string trash = fields["trash"];
  for (const std::string& step : entry.steps) {
    if (step.starts_with(kTrashNote)) trash = step.substr(kTrashNote.size());
  }
  std::error_code error;
  const fs::file_status there = fs::symlink_status(removal.worktree.path, error);
  const bool in_trash =
      fs::exists(fs::symlink_status(removal.worktree.path.parent_path() / trash, error));
  // Still in place: nothing was lost yet, and the person may want it after all.
  if (fs::exists(there) && !in_trash) return absl::OkStatus();
  removal.trash = removal.worktree.path.parent_path() / trash;
  return FinishRemoval(deps, removal);
}

absl::Status RecoverOne(const WorktreeDeps& deps, const OperationJournal::Entry& entry) {
  WM_ASSIGN_OR_RETURN(OperationFields fields, DecodeOperation(entry.payload));
  std::error_code error;
  // The repository itself is gone: there is nothing left to mend.
  if (!fs::exists(fs::path(fields["common_dir"]), error) && !error) return absl::OkStatus();
  if (entry.kind == "add") return RecoverAdd(deps, entry, fields);
  if (entry.kind == "remove") return RecoverRemove(deps, entry, fields);
  if (entry.kind == "merge-checkout") {
    const Worktree checkout = WorktreeOf(fields);
    return RemoveOwnCheckout(deps, checkout.repository, checkout.path);
  }
  return Internal("unknown kind of operation '{}'", Printable(entry.kind));
}

}  // namespace

absl::Status WorktreeManager::Recover(ProgressSink& progress) {
  WM_ASSIGN_OR_RETURN(const std::vector<OperationJournal::Entry> entries,
                      deps_.journal.Unfinished());
  for (const OperationJournal::Entry& entry : entries) {
    const absl::Status done = RecoverOne(deps_, entry);
    // A branch that has moved since is somebody's again.
    const bool settled = done.ok() || ReasonOf(done) == "WORK_INSIDE" ||
                         ReasonOf(done) == "REF_CHANGED" || absl::IsDataLoss(done);
    if (!done.ok()) {
      progress.Warn(Format("an interrupted {} was not taken back: {}", Printable(entry.kind),
                           MessageOf(done)));
    }
    if (settled) WM_RETURN_IF_ERROR(deps_.journal.End(entry.id));
  }
  return absl::OkStatus();
}

}  // namespace workmux::daemon
