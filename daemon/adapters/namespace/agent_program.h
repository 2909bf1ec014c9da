#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <string_view>
#include <vector>

#include "common/process/command.h"

namespace workmux::daemon {

// What an agent's program needs of the host's file system to run.
struct AgentInstallation {
  // For SandboxSpec::programs: files, symbolic links and directories that lie
  // outside the system's trees, parents first. Never the home directory itself
  // nor a directory at its top that holds more than the installation.
  std::vector<std::filesystem::path> paths;
  // Directories of PATH in which the programs were found.
  std::vector<std::filesystem::path> path_dirs;
};

// Follows `program` (a name or an absolute path) through PATH, every symbolic
// link and the `#!` line of scripts, and finds the directory each part is
// installed in. Reads the file system only. kNotFound when there is no such
// program.
absl::StatusOr<AgentInstallation> FindAgentInstallation(std::string_view program, const Env& env);

}  // namespace workmux::daemon
