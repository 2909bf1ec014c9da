#pragma once

#include <absl/status/statusor.h>

#include "cli/command.h"

namespace workmux::cli {

struct DoctorOptions {};

// Exits 1 when something that is needed is missing.
absl::StatusOr<int> RunDoctor(const DoctorOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
