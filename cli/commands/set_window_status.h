#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "cli/command.h"

namespace workmux::cli {

struct SetWindowStatusOptions {
  std::string status;  // working, waiting, done or clear
};

// Called by agents' hooks at every tool use. Does nothing, successfully, outside
// a pane or with WORKMUX_DISABLE_SET_WINDOW_STATUS set.
absl::StatusOr<int> RunSetWindowStatus(const SetWindowStatusOptions& options,
                                       const CommandEnv& env);

}  // namespace workmux::cli
