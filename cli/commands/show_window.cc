#include "cli/commands/show_window.h"

#include "cli/client/session_runner.h"
#include "cli/commands/tmux_server.h"
#include "cli/exit_code.h"
#include "common/base/status.h"
#include "common/process/shell_quote.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {
namespace {

bool InsideTmux(const CommandEnv& env) {
  const auto found = env.invocation.env.find("TMUX");
  return found != env.invocation.env.end() && !found->second.empty();
}

}  // namespace

bool NeedsTmuxServer(const absl::Status& status, const CommandEnv& env) {
  return ReasonOf(status) == "TMUX_NOT_RUNNING" && !InsideTmux(env);
}

absl::StatusOr<int> ShowWindow(const control::v1::WorkspaceEvent_Result& result, bool background,
                               const CommandEnv& env) {
  if (InsideTmux(env) || result.window().empty()) return kExitOk;
  Command attach;
  attach.argv = AttachArgv(env.invocation.env, result.session(), result.window());
  attach.cwd = env.invocation.cwd;
  attach.env = env.invocation.env;
  const bool can_show = env.terminal.interactive() && env.terminal.out_is_tty();
  if (background || !can_show) {
    env.terminal.Out(Format("  show it: {}\n", PrintableLines(ShellQuoteJoin(attach.argv))));
    return kExitOk;
  }
  SessionSignals signals;
  return RunForeground(attach, signals);
}

}  // namespace workmux::cli
