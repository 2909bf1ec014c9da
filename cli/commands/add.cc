#include "cli/commands/add.h"

#include "cli/commands/show_window.h"
#include "cli/commands/tmux_server.h"
#include "cli/commands/trust.h"
#include "cli/commands/workspace_events.h"
#include "common/base/status.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

absl::StatusOr<pb::AddWorktreeRequest> BuildRequest(const AddOptions& options,
                                                    const CommandEnv& env) {
  WM_RETURN_IF_ERROR(CheckUtf8(options.branch, "the branch's name"));
  WM_RETURN_IF_ERROR(CheckUtf8(options.base, "the base's name"));
  WM_RETURN_IF_ERROR(CheckUtf8(options.name, "the worktree's name"));
  if (options.no_pane_commands &&
      (options.prompt.text || options.prompt.file || options.prompt.editor)) {
    return WithHint(
        InvalidArgument("a prompt needs a pane command that reads it; --no-pane-cmds starts none"),
        "leave out one of the two");
  }
  WM_ASSIGN_OR_RETURN(auto prompt, ReadPrompt(options.prompt, env.invocation));
  pb::AddWorktreeRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_branch(options.branch);
  request.set_base(options.base);
  request.set_name(options.name);
  request.set_agent(options.agent);
  request.set_backend(options.backend);
  if (prompt) request.set_prompt(*std::move(prompt));
  request.set_background(options.background);
  request.set_sandbox(options.sandbox || !options.backend.empty());
  request.set_no_hooks(options.no_hooks);
  request.set_no_file_ops(options.no_file_ops);
  request.set_no_pane_commands(options.no_pane_commands);
  return request;
}

DaemonClient::Result Add(const pb::AddWorktreeRequest& request, const CommandEnv& env) {
  return RetryAfterTrust(env, [&] {
    ProgressDisplay progress(env.terminal);
    return env.daemon.AddWorktree(
        request, [&](const pb::WorkspaceEvent& event) { ShowEvent(event, progress); });
  });
}

}  // namespace

absl::StatusOr<int> RunAdd(const AddOptions& options, const CommandEnv& env) {
  WM_ASSIGN_OR_RETURN(const pb::AddWorktreeRequest request, BuildRequest(options, env));
  DaemonClient::Result result = Add(request, env);
  if (NeedsTmuxServer(result.status(), env)) {
    WM_RETURN_IF_ERROR(StartTmuxServer(env.invocation));
    result = Add(request, env);
  }
  if (!result.ok()) return result.status();
  std::string text = Format("created worktree {} for branch {}\n", PrintableLines(result->handle()),
                            PrintableLines(result->branch()));
  if (!result->base().empty()) text += Format("  base: {}\n", PrintableLines(result->base()));
  text += Format("  path: {}\n", PrintableLines(result->path()));
  if (!result->agent().empty()) {
    text += Format("  agent: {}{}\n", PrintableLines(result->agent()),
                   result->sandboxed() ? ", in a sandbox" : "");
  }
  env.terminal.Out(text);
  return ShowWindow(*result, options.background, env);
}

}  // namespace workmux::cli
