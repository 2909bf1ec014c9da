#include "daemon/domain/remove_worktree.h"

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/tree.h"
#include "daemon/domain/hook_runner.h"
#include "daemon/domain/operation_payload.h"
#include "daemon/domain/recovery_refs.h"
#include "daemon/domain/worktree_base.h"
#include "daemon/domain/worktree_naming.h"
#include "daemon/domain/worktree_resolver.h"
#include "daemon/domain/worktree_setup.h"
#include "daemon/domain/worktree_trash.h"
#include "daemon/domain/worktree_windows.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

class Removal {
 public:
  Removal(const WorktreeDeps& deps, const WorktreeContext& context, const RemovalOrder& order)
      : deps_(deps), context_(context), order_(order), worktree_(order.worktree) {}

  absl::StatusOr<RemoveResult> Run() {
    WM_RETURN_IF_ERROR(Guard());
    absl::StatusOr<bool> ran = RunWhatComesFirst();
    if (!ran.ok()) return ran.status();
    if (*ran) WM_RETURN_IF_ERROR(Guard());
    WM_ASSIGN_OR_RETURN(const std::size_t killed,
                        KillWindows(deps_, context_, worktree_, result_.deferred_windows));
    // What ran in the windows may have written until it died.
    if (killed > 0) WM_RETURN_IF_ERROR(Guard());
    WM_RETURN_IF_ERROR(Commit());
    result_.worktree = order_.worktree;
    result_.base = candidate_.base;
    return std::move(result_);
  }

 private:
  absl::Status Guard() {
    WM_RETURN_IF_ERROR(RefuseMainWorktree(order_.worktree, "remove"));
    WM_RETURN_IF_ERROR(CheckIdentity());
    if (worktree_.locked && !order_.force) {
      return WithHint(
          WithReason(FailedPrecondition("'{}' is locked", worktree_.handle()), "LOCKED"),
          "run git worktree unlock, or pass --force");
    }
    candidate_ = InspectWorktree(deps_, context_, worktree_);
    return CheckLoss();
  }

  // The same directory must still be the same worktree of the same repository.
  absl::Status CheckIdentity() {
    WM_ASSIGN_OR_RETURN(const std::vector<Worktree> all,
                        deps_.git.ListWorktrees(order_.worktree.repository));
    for (const Worktree& worktree : all) {
      if (worktree.path != order_.worktree.path) continue;
      WM_RETURN_IF_ERROR(RefuseMainWorktree(worktree, "remove"));
      if (worktree.git_dir != order_.worktree.git_dir ||
          worktree.branch != order_.worktree.branch) {
        break;
      }
      worktree_ = worktree;
      return FindWhoElseHasTheBranch(all);
    }
    return WithHint(WithReason(FailedPrecondition("'{}' changed while it was being removed",
                                                  Printable(order_.worktree.path.string())),
                               "WORKTREE_CHANGED"),
                    "look at workmux list and try again");
  }

  absl::Status FindWhoElseHasTheBranch(const std::vector<Worktree>& all) {
    delete_branch_ = !order_.keep_branch && !worktree_.branch.empty();
    if (!delete_branch_) return absl::OkStatus();
    for (const Worktree& other : all) {
      if (other.branch == worktree_.branch && other.path != worktree_.path) delete_branch_ = false;
    }
    WM_ASSIGN_OR_RETURN(
        const std::optional<std::string> main,
        Optional(MainBranchName(deps_.git, worktree_.repository, context_.config.config)));
    if (main && *main == worktree_.branch) delete_branch_ = false;
    return absl::OkStatus();
  }

  std::string WhatIsNotCommitted() const {
    const WorktreeChanges& changes = candidate_.changes;
    if (changes.operation.empty()) return Counted(changes.count, "uncommitted change");
    return Format("a {} in progress and {}", changes.operation,
                  Counted(changes.count, "uncommitted change"));
  }

  absl::Status CheckLoss() const {
    if (order_.force) return absl::OkStatus();
    const std::string name = Printable(worktree_.handle());
    const bool loses_commits = delete_branch_ || worktree_.branch.empty();
    if (order_.merged_tip && candidate_.tip != *order_.merged_tip) {
      return WithReason(FailedPrecondition("'{}' has commits that came after the merge", name),
                        "UNMERGED_COMMITS");
    }
    if (candidate_.changes.count > 0 || !candidate_.changes.operation.empty()) {
      if (!order_.discard_uncommitted) {
        return WithHint(WithReason(FailedPrecondition("'{}' has {}", name, WhatIsNotCommitted()),
                                   "UNCOMMITTED_CHANGES"),
                        "commit them, or pass --force to lose them");
      }
    }
    const bool ask_commits = loses_commits && !order_.discard_unmerged && !order_.merged_tip;
    if ((!candidate_.changes_known && !order_.discard_uncommitted) ||
        (!candidate_.commits_known && ask_commits)) {
      return WithHint(
          WithReason(FailedPrecondition("it is not known what removing '{}' would lose: {}", name,
                                        candidate_.unknown),
                     "REMOVAL_UNKNOWN"),
          "mend the cause, or pass --force");
    }
    if (ask_commits && !candidate_.unmerged.empty()) {
      return WithHint(WithReason(FailedPrecondition("'{}' has {} not in {}", name,
                                                    Counted(candidate_.unmerged.size(), "commit"),
                                                    candidate_.base),
                                 "UNMERGED_COMMITS"),
                      "merge them, keep the branch with -k, or pass --force");
    }
    return absl::OkStatus();
  }

  // Whether anything ran that took time or could change the worktree.
  absl::StatusOr<bool> RunWhatComesFirst() {
    bool ran = false;
    const auto& hooks = context_.config.config.pre_remove;
    if (!order_.no_hooks && !worktree_.missing && hooks && !hooks->empty()) {
      ran = true;
      const HookRun run{"pre_remove", *hooks, worktree_.path, context_.caller.env,
                        HookVariables(worktree_)};
      WM_RETURN_IF_ERROR(Unforced(RunHooks(deps_.hooks, run, context_.progress, context_.stop)));
    }
    if (order_.before_remove) {
      ran = true;
      WM_RETURN_IF_ERROR(Unforced(order_.before_remove(worktree_)));
    }
    if (context_.stop.stop_requested()) return Cancelled("remove was cancelled");
    return ran;
  }

  absl::Status Unforced(const absl::Status& status) const {
    // Under a sandbox that is just being opened nothing is taken away.
    const bool must_stop = absl::IsCancelled(status) || ReasonOf(status) == "SANDBOX_BUSY";
    if (status.ok() || !order_.force || must_stop) return status;
    context_.progress.Warn(MessageOf(status));
    return absl::OkStatus();
  }

  absl::Status Commit() {
    const std::int64_t now = UnixSeconds(deps_);
    InterruptedRemoval removal;
    removal.worktree = worktree_;
    removal.recovery_ref = RecoveryRef(worktree_.handle(), now);
    removal.tip = delete_branch_ || worktree_.branch.empty() ? candidate_.tip : "";
    context_.progress.Step("remove", Format("Removing {}", worktree_.path.string()));
    WM_ASSIGN_OR_RETURN(const std::int64_t id,
                        deps_.journal.Begin("remove", Payload(removal, now)));
    if (!worktree_.missing) {
      absl::StatusOr<fs::path> trash = MoveToTrash(worktree_.path, now);
      if (!trash.ok()) {
        static_cast<void>(deps_.journal.End(id));
        return trash.status();
      }
      removal.trash = *trash;
      // The name may differ from the planned one; recovery has to find it.
      const absl::Status noted = deps_.journal.Note(id, "trash=" + trash->filename().string());
      if (!noted.ok()) context_.progress.Warn(MessageOf(noted));
    }
    const absl::Status forgotten = deps_.git.ForgetWorktree(worktree_);
    if (!forgotten.ok()) {
      if (!removal.trash.empty()) {
        WM_RETURN_IF_ERROR(RestoreFromTrash(removal.trash, worktree_.path));
      }
      static_cast<void>(deps_.journal.End(id));
      return forgotten;
    }
    worktree_.missing = true;
    Finish(removal, id);
    return absl::OkStatus();
  }

  // The worktree is gone by now: what fails here is told, and tried again at the
  // daemon's next start.
  void Finish(const InterruptedRemoval& removal, std::int64_t id) {
    InterruptedRemoval rest = removal;
    rest.trash.clear();
    const absl::Status finished = FinishRemoval(deps_, rest);
    if (finished.ok()) {
      if (!removal.tip.empty()) result_.recovery_ref = removal.recovery_ref;
    } else {
      context_.progress.Warn(Format("the branch '{}' was not deleted: {}",
                                    Printable(worktree_.branch), MessageOf(finished)));
    }
    const auto delete_files = [&journal = deps_.journal, trash = removal.trash, id,
                               all_else_done = finished.ok()] {
      const absl::Status gone = trash.empty()
                                    ? absl::OkStatus()
                                    : RemoveTree(trash.parent_path(), trash.filename().string());
      if (gone.ok() && all_else_done) static_cast<void>(journal.End(id));
      return gone;
    };
    // A removal is when the trash grows, and nobody waits for this part of it.
    const auto prune = [&git = deps_.git, repository = worktree_.repository,
                        now = UnixSeconds(deps_)] {
      static_cast<void>(PruneRecoveryRefs(git, repository, now));
    };
    if (deps_.run_later) {
      deps_.run_later([delete_files, prune] {
        static_cast<void>(delete_files());
        prune();
      });
      return;
    }
    prune();
    const absl::Status gone = delete_files();
    if (!gone.ok()) context_.progress.Warn(MessageOf(gone));
  }

  static std::string Payload(const InterruptedRemoval& removal, std::int64_t now) {
    return EncodeOperation({{"common_dir", removal.worktree.repository.common_dir},
                            {"main", removal.worktree.repository.main_worktree},
                            {"path", removal.worktree.path},
                            {"branch", removal.worktree.branch},
                            {"trash", TrashName(removal.worktree.handle(), now)},
                            {"tip", removal.tip},
                            {"recovery_ref", removal.recovery_ref}});
  }

  const WorktreeDeps& deps_;
  const WorktreeContext& context_;
  const RemovalOrder& order_;
  Worktree worktree_;
  RemovalCandidate candidate_;
  RemoveResult result_;
  bool delete_branch_ = false;
};

absl::Status Inspect(const WorktreeDeps& deps, const WorktreeContext& context,
                     RemovalCandidate& candidate) {
  const Worktree& worktree = candidate.worktree;
  if (!worktree.missing) {
    WM_ASSIGN_OR_RETURN(candidate.changes, deps.git.Changes(worktree, context.stop));
  }
  candidate.changes_known = true;
  WM_ASSIGN_OR_RETURN(candidate.tip, TipOf(deps.git, worktree));
  if (candidate.tip.empty()) {
    candidate.commits_known = true;
    return absl::OkStatus();
  }
  WM_ASSIGN_OR_RETURN(const BaseBranch base, FindBase(deps, context.config.config, worktree));
  candidate.base = base.name;
  WM_ASSIGN_OR_RETURN(candidate.unmerged, UnmergedCommits(deps.git, worktree.repository,
                                                          candidate.tip, base, kMaxUnmerged));
  candidate.commits_known = true;
  return absl::OkStatus();
}

}  // namespace

RemovalCandidate InspectWorktree(const WorktreeDeps& deps, const WorktreeContext& context,
                                 const Worktree& worktree) {
  RemovalCandidate candidate;
  candidate.worktree = worktree;
  const absl::Status seen = Inspect(deps, context, candidate);
  if (!seen.ok()) candidate.unknown = MessageOf(seen);
  return candidate;
}

absl::StatusOr<RemoveResult> RemoveWorktree(const WorktreeDeps& deps,
                                            const WorktreeContext& context,
                                            const RemovalOrder& order) {
  return Removal(deps, context, order).Run();
}

absl::Status FinishRemoval(const WorktreeDeps& deps, const InterruptedRemoval& removal) {
  const Worktree& gone = removal.worktree;
  WM_ASSIGN_OR_RETURN(const std::vector<Worktree> left, deps.git.ListWorktrees(gone.repository));
  bool branch_in_use = false;
  bool made_again = false;
  for (const Worktree& worktree : left) {
    if (worktree.path == gone.path && worktree.missing) {
      WM_RETURN_IF_ERROR(deps.git.ForgetWorktree(worktree));
    } else if (!gone.branch.empty() && worktree.branch == gone.branch) {
      branch_in_use = true;
    }
    made_again = made_again || (worktree.path == gone.path && !worktree.missing);
  }
  if (!made_again) {
    WM_RETURN_IF_ERROR(deps.records.Erase(gone.repository.common_dir, gone.path));
  }
  if (!removal.tip.empty() && !branch_in_use) {
    WM_ASSIGN_OR_RETURN(const std::optional<std::string> kept,
                        Optional(deps.git.ResolveRef(gone.repository, removal.recovery_ref)));
    if (!kept) {
      WM_RETURN_IF_ERROR(
          deps.git.UpdateRef(gone.repository, removal.recovery_ref, removal.tip, ""));
    }
    if (!gone.branch.empty()) {
      WM_ASSIGN_OR_RETURN(const std::optional<std::string> tip,
                          Optional(deps.git.ResolveRef(gone.repository, BranchRef(gone.branch))));
      if (tip) {
        WM_RETURN_IF_ERROR(
            deps.git.UpdateRef(gone.repository, BranchRef(gone.branch), "", removal.tip));
        // Upstream and the like: a later branch of that name must not inherit them.
        static_cast<void>(deps.git.RemoveConfigSection(gone.repository, "branch." + gone.branch));
      }
    }
  }
  if (removal.trash.empty()) return absl::OkStatus();
  return RemoveTree(removal.trash.parent_path(), removal.trash.filename().string());
}

}  // namespace workmux::daemon
