#pragma once

#include <vector>

#include <absl/status/statusor.h>

#include "daemon/domain/agent_config_plan.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/types.h"

namespace workmux::daemon {

// The settings and the login of the agents in sandboxes. Thread-safe, blocking.
class AgentConfigs {
 public:
  virtual ~AgentConfigs() = default;

  // Makes or refreshes what the sandbox is to see of the agent's directory. Isolated:
  // a copy of the worktree's own, with the host's settings as they are now, which
  // outlives the sandbox; shared: the host's. The host's directory is made when
  // absent. kFailedPrecondition (AGENT_DIR_EXPOSED) for a host directory that
  // sandboxes can write.
  virtual absl::StatusOr<std::vector<Mount>> Prepare(const Worktree& worktree,
                                                     const AgentConfigPlan& plan) = 0;
  // From now on the logins in the worktree's copies are kept in step with the host's
  // and with those of other sandboxes; where the kernel lets none be watched (the log
  // says so), at each start and end only. Watching twice counts twice.
  virtual void Watch(const Worktree& worktree) = 0;
  // What changed until now is taken.
  virtual void Unwatch(const Worktree& worktree) = 0;
  // Drops the copies when the worktree is removed.
  virtual absl::Status Discard(const Worktree& worktree) = 0;
};

}  // namespace workmux::daemon
