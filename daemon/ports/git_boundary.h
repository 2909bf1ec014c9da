#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/types.h"

namespace workmux::daemon {

// The sandbox's own git directory (sandbox.git: clone). Thread-safe, blocking.
class GitBoundary {
 public:
  virtual ~GitBoundary() = default;

  // Whether private git directories can be used here at all; the hint names the fix.
  virtual absl::Status Check() = 0;
  // Makes the worktree's private git directory, or takes the one it has, and
  // brings it up to date with the host's refs. The mounts give the sandbox an
  // ordinary repository at the host's paths.
  // `caller` is whose git configuration (identity, ignore files) is taken over.
  virtual absl::StatusOr<std::vector<Mount>> Prepare(const Worktree& worktree, const Env& caller,
                                                     std::stop_token stop) = 0;
  // From now on the host's branch follows the sandbox's and the other way round.
  // Watching twice counts twice.
  virtual absl::Status Watch(const Worktree& worktree) = 0;
  virtual void Unwatch(const Worktree& worktree) = 0;
  // Takes the branch now. OK when the worktree has no private directory.
  virtual absl::Status Import(const Worktree& worktree, std::stop_token stop) = 0;
  // Drops the private directory when the worktree is removed.
  virtual absl::Status Discard(const Worktree& worktree) = 0;
};

}  // namespace workmux::daemon
