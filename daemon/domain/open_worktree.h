#pragma once

#include <absl/status/statusor.h>

#include "daemon/domain/worktree_deps.h"
#include "daemon/domain/worktree_requests.h"

namespace workmux::daemon {

// Goes to the worktree's window, or makes one when there is none or a further
// one is asked for. The caller holds the worktree's lock.
absl::StatusOr<OpenResult> OpenWorktree(const WorktreeDeps& deps, const WorktreeContext& context,
                                        const Worktree& worktree, const OpenRequest& request);

}  // namespace workmux::daemon
