#include "cli/commands/close.h"

#include "cli/commands/workspace_events.h"
#include "cli/exit_code.h"
#include "common/base/status.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {

namespace pb = control::v1;

absl::StatusOr<int> RunClose(const CloseOptions& options, const CommandEnv& env) {
  pb::CloseWorktreeRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_name(options.name);
  ProgressDisplay progress(env.terminal);
  const auto result = env.daemon.CloseWorktree(
      request, [&](const pb::WorkspaceEvent& event) { ShowEvent(event, progress); });
  progress.Finish();
  if (!result.ok()) return result.status();
  env.terminal.Out(Format("closed {}\n", PrintableLines(result->handle())));
  return kExitOk;
}

}  // namespace workmux::cli
