#include "cli/commands/config.h"

#include "cli/exit_code.h"
#include "common/base/status.h"
#include "workmux/control/v1/daemon.pb.h"

namespace workmux::cli {

absl::StatusOr<int> RunConfigReference(const CommandEnv& env) {
  WM_ASSIGN_OR_RETURN(const auto reference, env.daemon.GetConfigReference());
  env.terminal.Out(reference.yaml());
  return kExitOk;
}

absl::StatusOr<int> RunConfigPath(const CommandEnv& env) {
  env.terminal.Out((env.launcher.paths().config / "config.yaml").string() + "\n");
  return kExitOk;
}

}  // namespace workmux::cli
