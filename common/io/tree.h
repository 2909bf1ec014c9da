#pragma once

// Work inside directory trees that someone hostile may write to. Everything is
// relative to an open directory, and no step ever follows a symbolic link.

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "common/base/unique_fd.h"

namespace workmux {

// A directory as an O_PATH descriptor; the links of `dir` itself are followed.
absl::StatusOr<UniqueFd> OpenDirectory(const std::filesystem::path& dir);

// openat2(2) below `dir` with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS; a kernel
// or file system refusal keeps errno's meaning. `relative` "." is `dir` itself.
absl::StatusOr<UniqueFd> OpenAt(int dir, const std::filesystem::path& relative, int flags,
                                mode_t mode = 0);

// Creates what is missing of `relative` below `dir` and opens it (O_PATH). A
// component that is a link or no directory is an error.
absl::StatusOr<UniqueFd> MakeDirectoriesAt(int dir, const std::filesystem::path& relative,
                                           mode_t mode);

// Writes `dir`/`name` (one component) through a temporary file and a rename: a
// link of that name is replaced, never followed.
absl::Status WriteFileAt(int dir, const std::string& name, std::string_view content, mode_t mode);

// Removes `parent`/`name`, a file or a whole tree of any depth. Stops with an
// error at a mount point, leaving what is mounted alone. Absent is success.
absl::Status RemoveTree(const std::filesystem::path& parent, const std::string& name);

}  // namespace workmux
