#include "daemon/domain/worktree_manager.h"

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/add_worktree.h"
#include "daemon/domain/list_worktrees.h"
#include "daemon/domain/merge_worktree.h"
#include "daemon/domain/open_worktree.h"
#include "daemon/domain/recovery_refs.h"
#include "daemon/domain/remove_worktree.h"
#include "daemon/domain/worktree_resolver.h"
#include "daemon/domain/worktree_windows.h"

namespace workmux::daemon {

absl::StatusOr<Worktree> WorktreeManager::Resolve(const WorktreeContext& context,
                                                  std::string_view name) {
  WM_ASSIGN_OR_RETURN(Worktree here, deps_.git.Locate(context.caller.cwd));
  if (name.empty()) return here;
  WM_ASSIGN_OR_RETURN(const std::vector<Worktree> all, deps_.git.ListWorktrees(here.repository));
  return ResolveWorktree(all, name);
}

absl::StatusOr<AddResult> WorktreeManager::Add(const WorktreeContext& context,
                                               const AddRequest& request) {
  return AddWorktree(deps_, locks_, context, request).Run();
}

absl::StatusOr<OpenResult> WorktreeManager::Open(const WorktreeContext& context,
                                                 const OpenRequest& request) {
  WM_ASSIGN_OR_RETURN(const Worktree worktree, Resolve(context, request.name));
  WM_ASSIGN_OR_RETURN(const auto lock, locks_.TryLockWorktree(worktree.path));
  return OpenWorktree(deps_, context, worktree, request);
}

absl::StatusOr<CloseResult> WorktreeManager::Close(const WorktreeContext& context,
                                                   const CloseRequest& request) {
  CloseResult result;
  WM_ASSIGN_OR_RETURN(result.worktree, Resolve(context, request.name));
  WM_ASSIGN_OR_RETURN(const auto lock, locks_.TryLockWorktree(result.worktree.path));
  if (request.before_close) WM_RETURN_IF_ERROR(request.before_close(result.worktree));
  WM_ASSIGN_OR_RETURN(result.closed,
                      KillWindows(deps_, context, result.worktree, result.deferred_windows));
  if (result.closed + result.deferred_windows.size() == 0) {
    return WithHint(WithReason(NotFound("'{}' has no open window", result.worktree.handle()),
                               "WINDOW_NOT_FOUND"),
                    "run workmux list to see which are open");
  }
  return result;
}

absl::StatusOr<MergeResult> WorktreeManager::Merge(const WorktreeContext& context,
                                                   const MergeRequest& request) {
  WM_ASSIGN_OR_RETURN(Worktree worktree, Resolve(context, request.name));
  WM_ASSIGN_OR_RETURN(const auto lock, locks_.TryLockWorktree(worktree.path));
  return MergeWorktree(deps_, context, request, std::move(worktree)).Run();
}

absl::StatusOr<RemoveResult> WorktreeManager::Remove(const WorktreeContext& context,
                                                     const RemoveRequest& request) {
  RemovalOrder order;
  WM_ASSIGN_OR_RETURN(order.worktree, Resolve(context, request.name));
  WM_ASSIGN_OR_RETURN(const auto lock, locks_.TryLockWorktree(order.worktree.path));
  order.discard_uncommitted = request.discard_uncommitted;
  order.discard_unmerged = request.discard_unmerged;
  order.keep_branch = request.keep_branch;
  order.force = request.force;
  order.no_hooks = request.no_hooks;
  order.before_remove = request.before_remove;
  return RemoveWorktree(deps_, context, order);
}

absl::StatusOr<std::vector<RemovalCandidate>> WorktreeManager::InspectRemoval(
    const WorktreeContext& context, const std::vector<std::string>& names) {
  WM_ASSIGN_OR_RETURN(const Worktree here, deps_.git.Locate(context.caller.cwd));
  std::vector<Worktree> chosen;
  if (names.empty()) {
    chosen.push_back(here);
  } else {
    WM_ASSIGN_OR_RETURN(const std::vector<Worktree> all, deps_.git.ListWorktrees(here.repository));
    for (const std::string& name : names) {
      WM_ASSIGN_OR_RETURN(Worktree worktree, ResolveWorktree(all, name));
      chosen.push_back(std::move(worktree));
    }
  }
  std::vector<RemovalCandidate> candidates;
  for (const Worktree& worktree : chosen) {
    WM_RETURN_IF_ERROR(RefuseMainWorktree(worktree, "remove"));
    candidates.push_back(InspectWorktree(deps_, context, worktree));
  }
  return candidates;
}

void WorktreeManager::PruneRecoveryRefs(ProgressSink& progress) {
  const auto repositories = deps_.records.Repositories();
  if (!repositories.ok()) return progress.Warn(MessageOf(repositories.status()));
  for (const std::filesystem::path& common_dir : *repositories) {
    std::error_code error;
    if (!std::filesystem::is_directory(common_dir, error)) continue;
    const auto pruned = daemon::PruneRecoveryRefs(deps_.git, {common_dir, {}}, UnixSeconds(deps_));
    if (!pruned.ok()) {
      progress.Warn(Format("{}: {}", Printable(common_dir.string()), MessageOf(pruned.status())));
    }
  }
}

absl::StatusOr<ListResult> WorktreeManager::List(const WorktreeContext& context,
                                                 const ListRequest& request) {
  WM_ASSIGN_OR_RETURN(const Worktree here, deps_.git.Locate(context.caller.cwd));
  return ListWorktrees(deps_, context, here.repository, request);
}

absl::StatusOr<ListEntry> WorktreeManager::Find(const WorktreeContext& context,
                                                std::string_view name) {
  WM_ASSIGN_OR_RETURN(const Worktree found, Resolve(context, name));
  WM_ASSIGN_OR_RETURN(ListResult all,
                      ListWorktrees(deps_, context, found.repository, ListRequest{}));
  for (ListEntry& entry : all.entries) {
    if (entry.worktree.path == found.path) return std::move(entry);
  }
  return NotFound("'{}' is no worktree any more", found.path.string());
}

}  // namespace workmux::daemon
