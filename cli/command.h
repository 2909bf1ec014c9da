#pragma once

#include <absl/status/status.h>

#include "cli/client/daemon_client.h"
#include "cli/client/daemon_launcher.h"
#include "cli/client/invocation_context.h"
#include "cli/terminal/terminal.h"

namespace workmux::cli {

// What every command works with. A command returns its exit code, or the error
// that the caller prints and maps.
struct CommandEnv {
  const Invocation& invocation;
  Terminal& terminal;
  const DaemonLauncher& launcher;
  DaemonClient& daemon;
  // Why nothing but help can work here: no home, no current directory.
  absl::Status usable;
};

}  // namespace workmux::cli
