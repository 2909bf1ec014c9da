#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "cli/command.h"

namespace workmux::cli {

struct PathOptions {
  std::string name;
};

// Prints the directory as it is, for `cd "$(workmux path NAME)"`.
absl::StatusOr<int> RunPath(const PathOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
