#pragma once

#include <sys/types.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "common/base/unique_fd.h"

namespace workmux {

inline constexpr std::size_t kDefaultMaxFileSize = 1u << 20;  // bytes

// Reads a whole regular file (links are followed: for files that are ours or the
// user's). kNotFound when absent, kResourceExhausted above max_size.
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path,
                                     std::size_t max_size = kDefaultMaxFileSize);

// Temporary file, fsync, rename, fsync of the directory: after a crash there is
// the old content or the new, never a part.
absl::Status WriteFileAtomically(const std::filesystem::path& path, std::string_view content,
                                 mode_t mode = 0600);

// Creates `dir` and its missing parents with mode 0700. A `dir` that exists must
// be a directory (not a link) of this user without access for others.
absl::Status MakePrivateDirectory(const std::filesystem::path& dir);

// Reads below a directory that a guest can write: every step is resolved by
// openat2 with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, only regular files are
// read, without blocking on a FIFO or device.
absl::StatusOr<std::string> ReadFileBeneath(const std::filesystem::path& root,
                                            const std::filesystem::path& relative,
                                            std::size_t max_size = kDefaultMaxFileSize);

// openat2(2) below `root` with the given open flags; the same resolution rules.
absl::StatusOr<UniqueFd> OpenBeneath(const std::filesystem::path& root,
                                     const std::filesystem::path& relative, int flags,
                                     mode_t mode = 0);

// An exclusive flock(2) on a file that is created when absent; held until
// destroyed. TryAcquire gives kAborted when another process holds it.
class FileLock {
 public:
  static absl::StatusOr<FileLock> TryAcquire(const std::filesystem::path& path);
  static absl::StatusOr<FileLock> Acquire(const std::filesystem::path& path);  // blocks

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace workmux
