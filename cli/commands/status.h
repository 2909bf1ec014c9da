#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"

namespace workmux::cli {

struct StatusOptions {
  std::vector<std::string> targets;
  bool json = false;
  bool git = false;
};

// Exits 1 when a target was not found; the others are shown all the same.
absl::StatusOr<int> RunStatus(const StatusOptions& options, const CommandEnv& env);

std::string AgentTable(const control::v1::ListAgentsResponse& response, bool git, std::int64_t now);

}  // namespace workmux::cli
