#pragma once

#include <absl/status/statusor.h>

#include "cli/client/session_lease.h"
#include "cli/client/session_signals.h"

namespace workmux::cli {

// Opens a session and runs its plan on the caller's own standard input, output
// and error, in the caller's process group, so that the terminal's signals and
// job control reach the program. Call on the main thread: a sandbox that dies
// with its parent follows the thread that spawned it.
//
// Returns what to exit with: the program's code, 128+n for a signal. An error
// means that the program never ran. SIGHUP and SIGTERM have the daemon stop the
// sandbox, and end the program's processes after that.
absl::StatusOr<int> RunSession(const DaemonLauncher& launcher,
                               const control::v1::OpenSessionRequest& request,
                               SessionSignals& signals, SessionLease::Callbacks callbacks);

// Runs `command` on the caller's terminal without a session.
absl::StatusOr<int> RunForeground(const Command& command, SessionSignals& signals);

}  // namespace workmux::cli
