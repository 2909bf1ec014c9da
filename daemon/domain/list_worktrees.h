#pragma once

#include <absl/status/statusor.h>

#include "daemon/domain/worktree_deps.h"
#include "daemon/domain/worktree_requests.h"

namespace workmux::daemon {

// All worktrees of a repository, main one first. Starts no process unless
// request.git is set. What could not be found out is unset and named in a warning.
absl::StatusOr<ListResult> ListWorktrees(const WorktreeDeps& deps, const WorktreeContext& context,
                                         const Repository& repository, const ListRequest& request);

}  // namespace workmux::daemon
