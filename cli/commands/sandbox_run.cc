#include "cli/commands/sandbox_run.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/client/session_runner.h"
#include "cli/commands/trust.h"
#include "cli/terminal/progress_display.h"
#include "common/base/status.h"
#include "workmux/control/v1/sandbox.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

bool HasTty(const CommandEnv& env) { return env.terminal.in_is_tty() && env.terminal.out_is_tty(); }

absl::StatusOr<pb::OpenSessionRequest> BuildRequest(const SandboxRunOptions& options,
                                                    pb::SessionPurpose purpose,
                                                    const CommandEnv& env) {
  pb::OpenSessionRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  const std::filesystem::path worktree =
      options.worktree.empty() ? env.invocation.cwd : env.invocation.cwd / options.worktree;
  WM_RETURN_IF_ERROR(CheckUtf8(worktree.native(), "the worktree's name"));
  request.set_worktree(worktree.native());
  request.set_purpose(purpose);
  for (const std::string& word : options.command) {
    WM_RETURN_IF_ERROR(CheckUtf8(word, "the command"));
    request.add_command(word);
  }
  request.set_agent(options.agent);
  request.set_backend(options.backend);
  request.set_image(options.image);
  request.set_tty(HasTty(env));
  winsize size{};
  if (HasTty(env) && ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) {
    request.set_rows(size.ws_row);
    request.set_columns(size.ws_col);
  }
  request.set_client_pid(::getpid());
  return request;
}

absl::StatusOr<int> Run(const pb::OpenSessionRequest& request, const CommandEnv& env) {
  SessionSignals signals;
  return RetryAfterTrust(env, [&] {
    ProgressDisplay progress(env.terminal);
    SessionLease::Callbacks callbacks;
    callbacks.on_progress = [&](const std::string& title, const std::string& detail) {
      progress.SetTitle(title, detail);
    };
    callbacks.on_warning = [&](const std::string& message) { progress.PrintWarning(message); };
    callbacks.on_ready = [&] { progress.Finish(); };
    return RunSession(env.launcher, request, signals, std::move(callbacks));
  });
}

}  // namespace

absl::StatusOr<int> RunSandboxRun(const SandboxRunOptions& options, const CommandEnv& env) {
  if (options.command.empty()) {
    return WithHint(InvalidArgument("there is no command to run"), "name it after `--`");
  }
  WM_ASSIGN_OR_RETURN(pb::OpenSessionRequest request,
                      BuildRequest(options, pb::SESSION_PURPOSE_RUN, env));
  request.set_shell_command(options.command.size() == 1);
  return Run(request, env);
}

absl::StatusOr<int> RunSandboxAgent(const SandboxRunOptions& options, const CommandEnv& env) {
  WM_ASSIGN_OR_RETURN(const pb::OpenSessionRequest request,
                      BuildRequest(options, pb::SESSION_PURPOSE_AGENT, env));
  return Run(request, env);
}

absl::StatusOr<int> RunSandboxShell(const SandboxShellOptions& options, const CommandEnv& env) {
  const SandboxRunOptions& run = options.run;
  if (!options.exec && options.session.empty()) {
    WM_ASSIGN_OR_RETURN(const pb::OpenSessionRequest request,
                        BuildRequest(run, pb::SESSION_PURPOSE_SHELL, env));
    return Run(request, env);
  }
  if (!run.agent.empty() || !run.backend.empty() || !run.image.empty()) {
    return WithHint(InvalidArgument("a sandbox that runs has its agent, backend and image"),
                    "leave out --exec and --session to start another one");
  }
  SessionSignals signals;
  pb::PlanAttachRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  WM_RETURN_IF_ERROR(CheckUtf8(options.session, "the sandbox's name"));
  request.set_session_id(options.session);
  for (const std::string& word : run.command) {
    WM_RETURN_IF_ERROR(CheckUtf8(word, "the command"));
    request.add_command(word);
  }
  request.set_tty(HasTty(env));
  WM_ASSIGN_OR_RETURN(const pb::PlanAttachResponse response, env.daemon.PlanAttach(request));
  WM_ASSIGN_OR_RETURN(const Command command, CommandFromPlan(response.plan()));
  return RunForeground(command, signals);
}

}  // namespace workmux::cli
