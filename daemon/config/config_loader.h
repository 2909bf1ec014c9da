#pragma once

#include <filesystem>

#include <absl/status/statusor.h>

#include "daemon/config/config.h"

namespace workmux::daemon {

// Where the caller stands. All paths absolute and canonical.
struct ConfigLocation {
  std::filesystem::path global_dir;  // Paths::config
  std::filesystem::path cwd;
  std::filesystem::path worktree_root;  // of cwd; empty outside of a repository
  std::filesystem::path main_worktree;  // empty: a bare repository
  // Given by hand (`--config`): takes the place of the project file. Empty: none.
  std::filesystem::path override_file;
};

// Reads the global file (config.yaml or config.yml) and the project file: the
// first .workmux.yaml or .workmux.yml from cwd up to the worktree's root, else one
// in the main worktree's root. Both are optional. Blocks on file I/O.
//
// Files of a worktree can be written by guests: they are read without following
// links, and only regular ones of at most 1 MiB. One that is there and cannot be
// read so is an error, never "absent".
//
// Errors: kInvalidArgument, reason CONFIG_INVALID, for content; else of the I/O.
absl::StatusOr<LoadedConfig> LoadConfig(const ConfigLocation& location);

}  // namespace workmux::daemon
