#pragma once

#include <absl/status/status.h>

#include <span>

#include "daemon/domain/worktree_deps.h"
#include "daemon/domain/worktree_requests.h"

namespace workmux::daemon {

// The configured copies and links from the main worktree, and CLAUDE.local.md as
// a link when it is git-ignored there. `siblings` are the repository's worktrees.
// `sandboxed`: for a sandbox, which gets none of `excluded_files`.
absl::Status SetUpFiles(const WorktreeDeps& deps, const WorktreeContext& context,
                        const Worktree& worktree, std::span<const Worktree> siblings,
                        bool sandboxed);

absl::Status RunPostCreate(const WorktreeDeps& deps, const WorktreeContext& context,
                           const Worktree& worktree);

// WM_… variables that every hook gets.
Env HookVariables(const Worktree& worktree);

}  // namespace workmux::daemon
