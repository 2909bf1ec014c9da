#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <string>

#include "daemon/domain/types.h"

namespace workmux::daemon {

// Directories of ours that belong to one worktree and live as long as it does:
// <base>/<hash>/, with meta/identity, which says whose it is. When the worktree
// goes they go to <base>/trash (worktree_state_trash.h).

std::filesystem::path WorktreeStatePath(const std::filesystem::path& base,
                                        const Worktree& worktree);

// The content of meta/identity. Inode and time of birth tell a worktree from a
// later one at the same path.
absl::StatusOr<std::string> WorktreeIdentity(const Worktree& worktree);

// OK when `root` is this worktree's; kNotFound when it is another's or absent.
absl::Status CheckWorktreeState(const std::filesystem::path& root, const Worktree& worktree);
// The same for a worktree that is gone by now; kNotFound also while it is there.
absl::Status CheckRemovedWorktreeState(const std::filesystem::path& root, const Worktree& worktree);

}  // namespace workmux::daemon
