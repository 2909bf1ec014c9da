#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace workmux::daemon {

// <state>/git/trash/<hash>.<seconds since the epoch>: private git directories of
// worktrees that are gone, with the stashes and branches that never left the
// sandbox. Renaming takes one back.

// Moves the private directory `root` there; absent is success.
absl::Status MoveToGitTrash(const std::filesystem::path& root, std::int64_t now_unix);

// Moves those there whose worktree went away without a word, by the user's own git
// or in a crash. One whose repository cannot be seen either (a disk that is not
// mounted) stays. Tells how many.
absl::StatusOr<std::size_t> TrashOrphans(const std::filesystem::path& state_dir,
                                         std::int64_t now_unix);

// Deletes what has been there for longer than kTrashLifetime, and tells how much.
// What has no readable time in its name stays.
absl::StatusOr<std::size_t> PruneGitTrash(const std::filesystem::path& state_dir,
                                          std::int64_t now_unix);

}  // namespace workmux::daemon
