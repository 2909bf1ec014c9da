#include "cli/commands/open.h"

#include "cli/commands/show_window.h"
#include "cli/commands/tmux_server.h"
#include "cli/commands/trust.h"
#include "cli/commands/workspace_events.h"
#include "cli/exit_code.h"
#include "common/base/status.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

DaemonClient::Result Open(const pb::OpenWorktreeRequest& request, const CommandEnv& env) {
  const auto call = [&] {
    ProgressDisplay progress(env.terminal);
    return env.daemon.OpenWorktree(
        request, [&](const pb::WorkspaceEvent& event) { ShowEvent(event, progress); });
  };
  DaemonClient::Result result = RetryAfterTrust(env, call);
  if (!NeedsTmuxServer(result.status(), env)) return result;
  WM_RETURN_IF_ERROR(StartTmuxServer(env.invocation));
  return RetryAfterTrust(env, call);
}

absl::StatusOr<int> OpenOne(const pb::OpenWorktreeRequest& request, bool background,
                            const CommandEnv& env) {
  WM_ASSIGN_OR_RETURN(const pb::WorkspaceEvent::Result result, Open(request, env));
  env.terminal.Out(Format("{} {}\n", result.existed() ? "switched to" : "opened",
                          PrintableLines(result.handle())));
  return ShowWindow(result, background, env);
}

}  // namespace

absl::StatusOr<int> RunOpen(const OpenOptions& options, const CommandEnv& env) {
  if (options.names.empty() && !options.new_window) {
    return WithHint(InvalidArgument("open needs a worktree's name"),
                    "name one, or pass --new for another window of this one");
  }
  const bool has_prompt = options.prompt.text || options.prompt.file || options.prompt.editor;
  if (options.names.size() > 1 && has_prompt) {
    return InvalidArgument("a prompt goes to one worktree, {} are named", options.names.size());
  }
  WM_ASSIGN_OR_RETURN(const auto prompt, ReadPrompt(options.prompt, env.invocation));
  pb::OpenWorktreeRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_run_hooks(options.run_hooks);
  request.set_force_files(options.force_files);
  request.set_new_window(options.new_window);
  request.set_continue_conversation(options.continue_conversation);
  request.set_background(options.background);
  if (prompt) request.set_prompt(*prompt);
  if (options.names.size() <= 1) {
    request.set_name(options.names.empty() ? "" : options.names.front());
    return OpenOne(request, options.background, env);
  }
  int exit_code = kExitOk;
  for (const std::string& name : options.names) {
    request.set_name(name);
    // Attaching to one of several would keep the others waiting.
    const auto opened = OpenOne(request, /*background=*/true, env);
    if (absl::IsCancelled(opened.status())) return opened;
    if (opened.ok()) continue;
    env.terminal.PrintError(Annotate(opened.status(), name));
    exit_code = kExitFailed;
  }
  return exit_code;
}

}  // namespace workmux::cli
