#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <vector>

#include "daemon/domain/types.h"

namespace workmux::daemon {

// The .git files, gitrepository-layout(5), of all checkouts of the repository
// that lie in what a sandbox of `worktree` may write: its own, the main
// checkout's, and those of worktrees kept inside either. A shell prompt in any of
// them follows its pointer. Errors: FORGED_WORKTREE for one that is no longer a
// plain file.
absl::StatusOr<std::vector<std::filesystem::path>> VisiblePointers(const Worktree& worktree);

}  // namespace workmux::daemon
