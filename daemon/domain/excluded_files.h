#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "daemon/domain/types.h"

namespace workmux::daemon {

// What `excluded_files` stands for in one repository now.
struct ExcludedFiles {
  std::vector<std::filesystem::path> files;  // canonical, each once
  std::vector<std::string> warnings;         // for the person
};

// Looks for each path below the worktree and below the main worktree, through
// links. One that is in neither is warned about: nothing can be put in its place.
// EXCLUDED_FILE_INVALID for what is no regular file, other errors for what cannot
// be looked at: a secret that might be there is never left readable.
absl::StatusOr<ExcludedFiles> FindExcludedFiles(const std::vector<std::filesystem::path>& relative,
                                                const Worktree& worktree);

}  // namespace workmux::daemon
