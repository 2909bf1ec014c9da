#pragma once

#include <absl/status/statusor.h>

#include "cli/command.h"
#include "cli/commands/demo_world.h"

namespace workmux::cli {

// Exits 0 when everything that was claimed was seen, else 1; 130 when interrupted.
// Whatever happens, what it made is taken away again.
absl::StatusOr<int> RunDemo(const DemoOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
