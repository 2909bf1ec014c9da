#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <vector>

#include "daemon/domain/types.h"

namespace workmux::daemon {

// Worktrees as the files of a repository describe them, without a process;
// gitrepository-layout(5) and git-worktree(1) "DETAILS".

struct FoundWorktree {
  Worktree worktree;
  // References are stored so that only git reads them: branch and head are unset.
  bool needs_git = false;
};

// The worktree that contains `dir`. Everything below a worktree, its .git
// included, may be written by a sandbox. Therefore a .git that is a symbolic
// link is refused; a pointer to an admin directory is believed when that
// directory lies in <common>/worktrees, outside of the worktree, and points back
// at this very .git; a pointer to a git directory is believed when that lies
// outside and does not belong to another checkout. A consistent repository which
// lies elsewhere cannot be told from the user's own.
absl::StatusOr<FoundWorktree> LocateWorktree(const std::filesystem::path& dir);

// The main worktree first, then the linked ones by path. Admin directories that
// git would not list (without a readable `gitdir`) are left out.
absl::StatusOr<std::vector<FoundWorktree>> ReadWorktrees(const Repository& repository);

// The main worktree of the repository whose git directory is `common_dir`; empty
// when it is bare or records no place (--separate-git-dir without core.worktree).
absl::StatusOr<std::filesystem::path> MainWorktreeOf(const std::filesystem::path& common_dir);

// The directory of the worktree that an admin directory's `gitdir` names, as
// canonical as its existing part allows. kNotFound without such a file.
absl::StatusOr<std::filesystem::path> BackPointer(const std::filesystem::path& admin_dir);

}  // namespace workmux::daemon
