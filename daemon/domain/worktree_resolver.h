#pragma once

#include <absl/status/statusor.h>

#include <span>
#include <string_view>

#include "daemon/domain/types.h"

namespace workmux::daemon {

// The worktree that a person means by `name`: first by handle, then by branch.
// kNotFound (WORKTREE_NOT_FOUND) without one; kFailedPrecondition
// (AMBIGUOUS_NAME) naming all of them when several fit.
absl::StatusOr<Worktree> ResolveWorktree(std::span<const Worktree> worktrees,
                                         std::string_view name);

// kFailedPrecondition (MAIN_WORKTREE) for the main worktree. `verb`: "remove".
absl::Status RefuseMainWorktree(const Worktree& worktree, std::string_view verb);

}  // namespace workmux::daemon
