#include "daemon/domain/open_worktree.h"

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/prompt_file.h"
#include "daemon/domain/worktree_base.h"
#include "daemon/domain/worktree_setup.h"
#include "daemon/domain/worktree_windows.h"

namespace workmux::daemon {
namespace {

absl::StatusOr<WorktreeRecord> RecordFor(const WorktreeDeps& deps, const WorktreeContext& context,
                                         const Worktree& worktree) {
  const Repository& repository = worktree.repository;
  WM_ASSIGN_OR_RETURN(std::optional<WorktreeRecord> stored,
                      deps.records.Get(repository.common_dir, worktree.path));
  if (stored && !stored->token.empty()) return std::move(*stored);
  WorktreeRecord record = stored.value_or(WorktreeRecord{});
  record.branch = worktree.branch;
  const absl::StatusOr<BaseBranch> base = FindBase(deps, context.config.config, worktree);
  if (base.ok() && record.base.empty()) record.base = base->name;
  WM_ASSIGN_OR_RETURN(record.token, FindWindowToken(deps, worktree));
  if (record.token.empty()) {
    WM_ASSIGN_OR_RETURN(record.token, NewWindowToken());
  }
  WM_RETURN_IF_ERROR(deps.records.Put(repository.common_dir, worktree.path, record));
  return record;
}

absl::StatusOr<OpenResult> GoTo(const WorktreeContext& context, const WindowRef& window,
                                const OpenRequest& request, OpenResult result) {
  if (request.prompt || request.continue_conversation) {
    return WithHint(WithReason(FailedPrecondition("the window of '{}' is open already",
                                                  result.worktree.handle()),
                               "WINDOW_OPEN"),
                    "pass --new for a further window");
  }
  if (request.run_hooks || request.force_files) {
    context.progress.Warn("the window is open already: no hooks ran and no files were copied");
  }
  if (!request.background) {
    const auto pane = context.caller.env.find("TMUX_PANE");
    WM_RETURN_IF_ERROR(context.multiplexer->SelectWindow(
        window, pane == context.caller.env.end() ? "" : pane->second));
    result.switched = true;
  }
  result.window = window;
  result.existed = true;
  return result;
}

}  // namespace

absl::StatusOr<OpenResult> OpenWorktree(const WorktreeDeps& deps, const WorktreeContext& context,
                                        const Worktree& worktree, const OpenRequest& request) {
  if (context.multiplexer == nullptr) {
    return WithHint(WithReason(Unavailable("no tmux server is running"), "TMUX_NOT_RUNNING"),
                    "start tmux, then try again");
  }
  if (worktree.missing) {
    return WithHint(NotFound("'{}' is gone", Printable(worktree.path.string())),
                    Format("run workmux remove {}", worktree.handle()));
  }
  WM_RETURN_IF_ERROR(context.multiplexer->ServerStart().status());
  WM_ASSIGN_OR_RETURN(const WorktreeRecord record, RecordFor(deps, context, worktree));
  OpenResult result;
  result.worktree = worktree;
  result.base = record.base;
  WM_ASSIGN_OR_RETURN(const std::vector<WindowRef> windows,
                      context.multiplexer->FindWindows(record.token));
  if (!windows.empty() && !request.new_window) {
    return GoTo(context, windows.front(), request, std::move(result));
  }

  WindowOrder order;
  order.continue_conversation = request.continue_conversation;
  order.background = request.background;
  order.has_prompt = request.prompt.has_value();
  order.prompt_by_name = request.prompt && request.prompt->size() > kMaxPromptArgument;
  const bool hand_over = request.prompt && !context.config.config.prompt_file_only;
  if (hand_over) order.prompt_file = ".workmux/PROMPT.md";
  // Planned once before anything is written, so that a pane's mistake costs nothing.
  WM_RETURN_IF_ERROR(PlanWindow(context, worktree, order).status());
  if (request.prompt) {
    WM_ASSIGN_OR_RETURN(std::filesystem::path file, WritePromptFile(worktree, *request.prompt));
    if (hand_over) order.prompt_file = std::move(file);
    const absl::Status excluded = ExcludeWorkmuxDirectory(worktree.repository);
    if (!excluded.ok()) context.progress.Warn(MessageOf(excluded));
  }
  if (request.force_files) {
    WM_ASSIGN_OR_RETURN(const std::vector<Worktree> all,
                        deps.git.ListWorktrees(worktree.repository));
    WM_RETURN_IF_ERROR(
        SetUpFiles(deps, context, worktree, all, context.config.config.sandbox.enabled));
  }
  if (request.run_hooks) WM_RETURN_IF_ERROR(RunPostCreate(deps, context, worktree));
  if (context.stop.stop_requested()) return Cancelled("open was cancelled");
  WM_ASSIGN_OR_RETURN(PanePlan plan, PlanWindow(context, worktree, order));
  result.agent = plan.agent;
  result.sandboxed = plan.sandboxed;
  WM_ASSIGN_OR_RETURN(result.window,
                      MakeWindow(deps, context, worktree, record.token, order, std::move(plan)));
  result.switched = !request.background;
  return result;
}

}  // namespace workmux::daemon
