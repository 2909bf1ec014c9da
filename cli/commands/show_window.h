#pragma once

#include <absl/status/statusor.h>

#include "cli/command.h"

namespace workmux::cli {

// The daemon found no tmux server, and starting one is for us to do: the caller
// stands outside tmux.
bool NeedsTmuxServer(const absl::Status& status, const CommandEnv& env);

// For a caller outside tmux: attaches to the new window when there is a terminal
// and it was not made in the background, else says how to. Returns the exit code.
absl::StatusOr<int> ShowWindow(const control::v1::WorkspaceEvent_Result& result, bool background,
                               const CommandEnv& env);

}  // namespace workmux::cli
