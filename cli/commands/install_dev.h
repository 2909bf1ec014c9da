#pragma once

#include <absl/status/statusor.h>

#include "cli/command.h"

namespace workmux::cli {

struct InstallDevOptions {
  bool skip_build = false;
  bool release = false;
};

// For those who work on workmux: builds the guest program of the checkout around
// the current directory for the engine's architecture, and puts it into the
// configured image.
absl::StatusOr<int> RunInstallDev(const InstallDevOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
