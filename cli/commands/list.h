#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/command.h"

namespace workmux::cli {

struct ListOptions {
  std::vector<std::string> filters;
  bool json = false;
  bool git = false;  // ask git even for JSON; the table always does
};

absl::StatusOr<int> RunList(const ListOptions& options, const CommandEnv& env);

// The table's text. `now` in unix seconds; paths below `cwd` are shown relative.
std::string WorktreeTable(const control::v1::ListWorktreesResponse& response,
                          const std::filesystem::path& cwd, bool icons, std::int64_t now);

}  // namespace workmux::cli
