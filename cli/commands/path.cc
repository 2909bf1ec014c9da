#include "cli/commands/path.h"

#include "cli/exit_code.h"
#include "common/base/status.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {

absl::StatusOr<int> RunPath(const PathOptions& options, const CommandEnv& env) {
  control::v1::FindWorktreeRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_name(options.name);
  WM_ASSIGN_OR_RETURN(const auto response, env.daemon.FindWorktree(request));
  const std::string& path = response.worktree().path();
  env.terminal.Out((env.terminal.out_is_tty() ? PrintableLines(path) : path) + "\n");
  return kExitOk;
}

}  // namespace workmux::cli
