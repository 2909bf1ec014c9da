#pragma once

#include <absl/status/status.h>

#include <filesystem>
#include <set>
#include <span>
#include <stop_token>
#include <string>

#include "daemon/domain/kept_out_files.h"
#include "daemon/domain/progress.h"

namespace workmux::daemon {

// Files that a new worktree takes over without git. Globs are those of
// file_glob.h, relative to both directories.
struct FileOperations {
  std::filesystem::path source;  // where the globs are expanded
  std::filesystem::path destination;
  std::span<const std::string> copy;
  std::span<const std::string> symlink;
  // Below source, absolute: other worktrees that lie inside of it.
  std::set<std::filesystem::path> skip;
  // Neither copied nor linked, with a warning for each that a pattern names.
  KeptOutFiles kept_out;
};

// Copies (sharing blocks where the file system can) and links. Neither side is
// followed through a symbolic link: a link among the copied files stays a link,
// a link that a pattern names is copied as the file that it means when that lies
// below source and skipped with a warning otherwise. A copy replaces files; a
// link replaces links and what is empty, and leaves all else alone with a
// warning.
absl::Status RunFileOperations(const FileOperations& operations, ProgressSink& progress,
                               std::stop_token stop);

// Links destination/name to source/name (a relative link) when the first does
// not exist and the second is a file. `name` is one component.
absl::Status LinkUnlessPresent(const std::filesystem::path& source,
                               const std::filesystem::path& destination, const std::string& name);

}  // namespace workmux::daemon
