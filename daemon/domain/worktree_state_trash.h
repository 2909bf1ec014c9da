#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>

namespace workmux::daemon {

// <base>/trash/<hash>.<seconds since the epoch>: state of worktrees that are gone
// (worktree_state.h), with the stashes, branches and conversations that never left
// the sandbox. Renaming takes one back.

// Moves the worktree's state `root` there; absent is success.
absl::Status MoveToStateTrash(const std::filesystem::path& root, std::int64_t now_unix);

// Moves what is below `base` there whose worktree went away without a word, by the
// user's own git or in a crash. That of a repository which cannot be seen either (a
// disk that is not mounted) stays. Tells how many.
absl::StatusOr<std::size_t> TrashOrphans(const std::filesystem::path& base, std::int64_t now_unix);

// Deletes what has been there for longer than kTrashLifetime, and tells how much.
// What has no readable time in its name stays.
absl::StatusOr<std::size_t> PruneStateTrash(const std::filesystem::path& base,
                                            std::int64_t now_unix);

}  // namespace workmux::daemon
