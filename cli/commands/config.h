#pragma once

#include <absl/status/statusor.h>

#include "cli/command.h"

namespace workmux::cli {

// The annotated example of every key, from the daemon that reads them.
absl::StatusOr<int> RunConfigReference(const CommandEnv& env);

// Where the user's own configuration lies; works without a daemon.
absl::StatusOr<int> RunConfigPath(const CommandEnv& env);

}  // namespace workmux::cli
