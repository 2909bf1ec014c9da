#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "cli/command.h"

namespace workmux::cli {

struct CloseOptions {
  std::string name;  // empty: the one the caller stands in
};

absl::StatusOr<int> RunClose(const CloseOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
