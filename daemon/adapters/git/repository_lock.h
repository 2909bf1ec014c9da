#pragma once

#include <absl/status/statusor.h>

#include <filesystem>

#include "common/io/file.h"

namespace workmux::daemon {

// Serialises what git itself does not when it runs twice at once in a
// repository: one git dies when it meets the half-made admin directory of
// another's new worktree, or the other's config.lock. Waits up to 30 s, then
// kUnavailable with reason REPOSITORY_BUSY: who can write the repository could
// keep the lock for ever.
absl::StatusOr<FileLock> LockRepository(const std::filesystem::path& common_dir);

}  // namespace workmux::daemon
