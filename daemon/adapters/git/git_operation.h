#pragma once

#include <absl/status/statusor.h>

#include <filesystem>

#include "daemon/ports/git.h"

namespace workmux::daemon {

// What is under way in a worktree by the files of its admin directory, as
// git-status(1) tells it, and the branch that git holds for it meanwhile
// (is_worktree_being_rebased and is_worktree_being_bisected of git's worktree.c).
absl::StatusOr<GitOperation> ReadOperation(const std::filesystem::path& git_dir);

}  // namespace workmux::daemon
