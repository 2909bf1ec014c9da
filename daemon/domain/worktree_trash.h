#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>

namespace workmux::daemon {

// Renames the worktree's directory to a free ".workmux_trash_…" beside it and
// gives the new path. The rename is what makes a removal happen at one instant;
// files are deleted afterwards.
absl::StatusOr<std::filesystem::path> MoveToTrash(const std::filesystem::path& worktree,
                                                  std::int64_t unix_seconds);

// Takes the rename back; kAlreadyExists when something stands there again.
absl::Status RestoreFromTrash(const std::filesystem::path& trash,
                              const std::filesystem::path& worktree);

}  // namespace workmux::daemon
