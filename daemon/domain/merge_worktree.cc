#include "daemon/domain/merge_worktree.h"

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/tree.h"
#include "daemon/domain/hook_runner.h"
#include "daemon/domain/operation_payload.h"
#include "daemon/domain/remove_worktree.h"
#include "daemon/domain/worktree_base.h"
#include "daemon/domain/worktree_naming.h"
#include "daemon/domain/worktree_resolver.h"
#include "daemon/domain/worktree_setup.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMessageCommits = 200;

bool HasTrackedChanges(const WorktreeChanges& changes) {
  return changes.staged || changes.unstaged || changes.conflicted;
}

absl::Status InProgress(std::string_view operation, const Worktree& where) {
  return WithHint(WithReason(FailedPrecondition("a {} is in progress in '{}'", operation,
                                                Printable(where.path.string())),
                             "OPERATION_IN_PROGRESS"),
                  operation == "bisect"
                      ? std::string("finish it, or run git bisect reset there")
                      : Format("finish it, or run git {} --abort there", operation));
}

}  // namespace

MergeWorktree::MergeWorktree(const WorktreeDeps& deps, const WorktreeContext& context,
                             const MergeRequest& request, Worktree source)
    : deps_(deps),
      context_(context),
      request_(request),
      source_(std::move(source)),
      strategy_(request.strategy.value_or(context.config.config.merge_strategy)),
      keep_(request.keep.value_or(context.config.config.merge_keep)) {}

absl::StatusOr<MergeResult> MergeWorktree::Run() {
  WM_RETURN_IF_ERROR(RefuseMainWorktree(source_, "merge"));
  // Before its branch: a rebase detaches HEAD until it is done.
  WM_RETURN_IF_ERROR(RequireIdle(source_));
  if (source_.branch.empty()) {
    return WithHint(
        WithReason(FailedPrecondition("'{}' has no branch checked out", source_.handle()),
                   "DETACHED_HEAD"),
        "run git switch -c NAME in it");
  }
  if (request_.before_merge) WM_RETURN_IF_ERROR(request_.before_merge(source_));
  WM_RETURN_IF_ERROR(ChooseTarget());
  WM_RETURN_IF_ERROR(CheckSource());
  WM_RETURN_IF_ERROR(CheckTarget());
  WM_RETURN_IF_ERROR(RunPreMerge());
  if (context_.stop.stop_requested()) return Cancelled("merge was cancelled");
  WM_RETURN_IF_ERROR(MergeCommits());
  MergeResult result;
  result.worktree = source_;
  result.merged_into = target_;
  if (!keep_) CleanUp(result);
  return result;
}

absl::Status MergeWorktree::ChooseTarget() {
  const Repository& repository = source_.repository;
  target_ = request_.into;
  if (target_.empty()) {
    const absl::StatusOr<BaseBranch> base = FindBase(deps_, context_.config.config, source_);
    if (!base.ok()) return WithHint(base.status(), "name the target with --into");
    target_ = base->name;
    if (!base->ref.starts_with("refs/heads/")) {
      WM_ASSIGN_OR_RETURN(target_, MainBranchName(deps_.git, repository, context_.config.config));
    }
  }
  if (target_ == source_.branch) {
    return WithHint(InvalidArgument("'{}' cannot be merged into itself", Printable(target_)),
                    "name another branch with --into");
  }
  WM_ASSIGN_OR_RETURN(const std::optional<std::string> id,
                      Optional(deps_.git.ResolveRef(repository, BranchRef(target_))));
  if (!id) {
    return WithHint(NotFound("there is no local branch '{}' to merge into", Printable(target_)),
                    "name a local branch with --into");
  }
  WM_ASSIGN_OR_RETURN(const std::vector<Worktree> all, deps_.git.ListWorktrees(repository));
  for (const Worktree& worktree : all) {
    if (worktree.branch == target_) target_worktree_ = worktree;
    if (!worktree.branch.empty()) continue;
    // A rebase writes its branch when it ends, and would find that it has moved.
    WM_ASSIGN_OR_RETURN(const GitOperation held, deps_.git.OperationUnderWay(worktree));
    if (held.branch == target_) return InProgress(held.name, worktree);
  }
  return absl::OkStatus();
}

absl::Status MergeWorktree::RequireIdle(const Worktree& worktree) const {
  WM_ASSIGN_OR_RETURN(const GitOperation operation, deps_.git.OperationUnderWay(worktree));
  return operation.name.empty() ? absl::OkStatus() : InProgress(operation.name, worktree);
}

absl::Status MergeWorktree::CheckSource() {
  WM_ASSIGN_OR_RETURN(const WorktreeChanges changes, deps_.git.Changes(source_, context_.stop));
  if (!changes.operation.empty()) return InProgress(changes.operation, source_);
  const bool rebase_needs_clean = strategy_ == MergeStrategy::kRebase && HasTrackedChanges(changes);
  const bool cleanup_needs_clean = !keep_ && !request_.ignore_uncommitted && changes.count > 0;
  dirty_ = changes.count > 0;
  if (!rebase_needs_clean && !cleanup_needs_clean) return absl::OkStatus();
  return WithHint(WithReason(FailedPrecondition("'{}' has {}", Printable(source_.handle()),
                                                Counted(changes.count, "uncommitted change")),
                             "UNCOMMITTED_CHANGES"),
                  rebase_needs_clean ? "commit them; a rebase needs a clean worktree"
                                     : "commit them, or pass --keep to leave the worktree");
}

absl::Status MergeWorktree::CheckTarget() const {
  if (!target_worktree_) return absl::OkStatus();
  WM_RETURN_IF_ERROR(RequireIdle(*target_worktree_));
  WM_ASSIGN_OR_RETURN(const WorktreeChanges changes,
                      deps_.git.Changes(*target_worktree_, context_.stop));
  if (!HasTrackedChanges(changes)) return absl::OkStatus();
  return WithHint(
      WithReason(FailedPrecondition("'{}', where '{}' is checked out, has uncommitted changes",
                                    Printable(target_worktree_->path.string()), target_),
                 "TARGET_NOT_CLEAN"),
      "commit or stash them there");
}

absl::Status MergeWorktree::RunPreMerge() {
  const std::vector<std::string>& hooks = context_.config.config.pre_merge;
  if (request_.no_hooks || request_.no_verify || hooks.empty()) return absl::OkStatus();
  HookRun run{"pre_merge", hooks, source_.path, context_.caller.env, HookVariables(source_)};
  run.variables["WM_BRANCH_NAME"] = source_.branch;
  run.variables["WM_TARGET_BRANCH"] = target_;
  WM_RETURN_IF_ERROR(RunHooks(deps_.hooks, run, context_.progress, context_.stop));
  return CheckTarget();
}

absl::Status MergeWorktree::MergeCommits() {
  const Repository& repository = source_.repository;
  context_.progress.Step("merge", Format("Merging {} into {}", source_.branch, target_));
  WM_ASSIGN_OR_RETURN(source_tip_, deps_.git.ResolveRef(repository, BranchRef(source_.branch)));
  WM_ASSIGN_OR_RETURN(const std::vector<Commit> news,
                      deps_.git.CommitsNotIn(repository, source_tip_, BranchRef(target_), 1));
  if (news.empty()) return absl::OkStatus();
  if (strategy_ == MergeStrategy::kRebase) WM_RETURN_IF_ERROR(RebaseSource());
  if (target_worktree_) {
    WM_RETURN_IF_ERROR(MergeIn(*target_worktree_));
  } else {
    WM_ASSIGN_OR_RETURN(const std::string id, deps_.git.ResolveRef(repository, BranchRef(target_)));
    WM_RETURN_IF_ERROR(MergeIntoRef(id));
  }
  return CheckMerged();
}

absl::Status MergeWorktree::RebaseSource() {
  Git::MergeStep step;
  step.worktree = source_;
  step.commitish = BranchRef(target_);
  step.no_verify = request_.no_verify;
  step.env = context_.caller.env;
  const absl::Status rebased = deps_.git.Rebase(step);
  if (absl::IsAborted(rebased)) {
    return WithHint(WithReason(rebased, "REBASE_CONFLICT"),
                    Format("resolve it in '{}', run git rebase --continue, and merge again",
                           Printable(source_.path.string())));
  }
  WM_RETURN_IF_ERROR(rebased);
  WM_ASSIGN_OR_RETURN(source_tip_,
                      deps_.git.ResolveRef(source_.repository, BranchRef(source_.branch)));
  return absl::OkStatus();
}

absl::Status MergeWorktree::MergeIntoRef(const std::string& target_id) {
  const Repository& repository = source_.repository;
  if (strategy_ != MergeStrategy::kSquash) {
    WM_ASSIGN_OR_RETURN(const std::vector<Commit> ahead,
                        deps_.git.CommitsNotIn(repository, target_id, source_tip_, 1));
    if (ahead.empty()) {
      return deps_.git.UpdateRef(repository, BranchRef(target_), source_tip_, target_id);
    }
  }
  return MergeInOwnCheckout();
}

absl::Status MergeWorktree::MergeIn(const Worktree& checkout) {
  Git::MergeStep step;
  step.worktree = checkout;
  step.commitish = BranchRef(source_.branch);
  step.no_verify = request_.no_verify;
  step.env = context_.caller.env;
  absl::Status merged;
  if (strategy_ == MergeStrategy::kSquash) {
    WM_ASSIGN_OR_RETURN(step.message, SquashMessage());
    merged = deps_.git.SquashMerge(step);
  } else {
    merged = deps_.git.Merge(step);
  }
  if (!absl::IsAborted(merged)) return merged;
  return WithHint(WithReason(merged, "MERGE_CONFLICT"),
                  Format("run git rebase {} in '{}', or merge by hand", target_,
                         Printable(source_.path.string())));
}

absl::Status MergeWorktree::MergeInOwnCheckout() {
  const Repository& repository = source_.repository;
  Worktree checkout;
  checkout.repository = repository;
  checkout.branch = target_;
  checkout.path = source_.path.parent_path() /
                  Format(".workmux_merge_{}_{}", Slugify(source_.handle()), UnixSeconds(deps_));
  WM_ASSIGN_OR_RETURN(
      const std::int64_t id,
      deps_.journal.Begin("merge-checkout", EncodeOperation({{"common_dir", repository.common_dir},
                                                             {"main", repository.main_worktree},
                                                             {"path", checkout.path}})));
  absl::Status merged = deps_.git.AddWorktree(repository, {checkout.path, target_, false, ""});
  if (merged.ok()) {
    absl::StatusOr<Worktree> located = deps_.git.Locate(checkout.path);
    merged = located.ok() ? MergeIn(*located) : located.status();
  }
  const absl::Status removed = RemoveOwnCheckout(deps_, repository, checkout.path);
  if (removed.ok()) {
    static_cast<void>(deps_.journal.End(id));
  } else {
    context_.progress.Warn(MessageOf(removed));
  }
  return merged;
}

absl::Status MergeWorktree::CheckMerged() {
  if (strategy_ == MergeStrategy::kSquash) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(
      const std::vector<Commit> missing,
      deps_.git.CommitsNotIn(source_.repository, source_tip_, BranchRef(target_), 1));
  if (missing.empty()) return absl::OkStatus();
  return Internal("'{}' does not contain '{}' after the merge", target_, source_.branch);
}

absl::StatusOr<std::string> MergeWorktree::SquashMessage() {
  if (!request_.message.empty()) return request_.message;
  WM_ASSIGN_OR_RETURN(
      const std::vector<Commit> commits,
      deps_.git.CommitsNotIn(source_.repository, source_tip_, BranchRef(target_), kMessageCommits));
  if (commits.size() == 1) return commits.front().subject;
  std::string message = Format("Squash branch '{}'\n", source_.branch);
  for (auto commit = commits.rbegin(); commit != commits.rend(); ++commit) {
    message += "\n* " + commit->subject;
  }
  return message;
}

void MergeWorktree::CleanUp(MergeResult& result) {
  if (dirty_) {
    context_.progress.Warn(
        Format("'{}' is kept: it has uncommitted changes", Printable(source_.handle())));
    return;
  }
  RemovalOrder order;
  order.worktree = source_;
  order.no_hooks = request_.no_hooks;
  order.before_remove = request_.before_remove;
  order.merged_tip = source_tip_;
  absl::StatusOr<RemoveResult> removed = RemoveWorktree(deps_, context_, order);
  if (removed.ok()) {
    result.removed = true;
    result.removal = std::move(*removed);
    return;
  }
  // The merge itself stands; what is left can be removed by hand.
  context_.progress.Warn(Format("merged, but '{}' is kept: {}", Printable(source_.handle()),
                                MessageOf(removed.status())));
}

absl::Status RemoveOwnCheckout(const WorktreeDeps& deps, const Repository& repository,
                               const fs::path& path) {
  WM_RETURN_IF_ERROR(RemoveTree(path.parent_path(), path.filename().string()));
  WM_ASSIGN_OR_RETURN(const std::vector<Worktree> all, deps.git.ListWorktrees(repository));
  for (const Worktree& worktree : all) {
    if (worktree.path == path) return deps.git.ForgetWorktree(worktree);
  }
  return absl::OkStatus();
}

}  // namespace workmux::daemon
