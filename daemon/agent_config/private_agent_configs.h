#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/agent_config/agent_copy.h"
#include "daemon/agent_config/login_sync.h"
#include "daemon/agent_config/login_watcher.h"
#include "daemon/async/executor.h"
#include "daemon/async/joined_jobs.h"
#include "daemon/ports/agent_configs.h"

namespace workmux::daemon {

// AgentConfigs over copies below <state>/agents. Passes that a changed login asks for
// run on the executor, one of a host directory at a time: a guest that writes without
// end costs one worker at most.
class PrivateAgentConfigs : public AgentConfigs {
 public:
  static absl::StatusOr<std::unique_ptr<PrivateAgentConfigs>> Create(
      Executor& executor, std::filesystem::path state_dir);

  absl::StatusOr<std::vector<Mount>> Prepare(const Worktree& worktree,
                                             const AgentConfigPlan& plan) override;
  void Watch(const Worktree& worktree) override;
  void Unwatch(const Worktree& worktree) override;
  absl::Status Discard(const Worktree& worktree) override;

  // In the background: copies whose worktree is gone go to the trash, what has been
  // there for too long is deleted, and what an earlier daemon left of discarded things.
  void TidyUp();

  // Changed logins ask for nothing any more; what was asked for still runs.
  void StopWatching();

 private:
  struct Watched {
    Worktree worktree;
    int count = 0;
    std::vector<AgentCopy> copies;
  };

  PrivateAgentConfigs(Executor& executor, std::filesystem::path state_dir);
  absl::StatusOr<std::filesystem::path> HostDirectory(const Worktree& worktree,
                                                      const AgentConfigPlan& plan) const;
  absl::StatusOr<std::vector<Mount>> Shared(const AgentConfigPlan& plan,
                                            const std::filesystem::path& host_dir);
  absl::StatusOr<std::vector<Mount>> Isolated(const Worktree& worktree, const AgentConfigPlan& plan,
                                              const std::filesystem::path& host_dir);
  absl::Status Arm(const std::string& group) WM_REQUIRES(mu_);
  std::vector<AgentCopy> CopiesOf(const std::string& group) WM_REQUIRES(mu_);
  void Pass(const std::string& group);
  void Sync(const std::vector<AgentCopy>& copies);

  class DeletesAfterwards;
  void DeleteDiscardedLater();

  Executor& executor_;
  const std::filesystem::path base_;
  Mutex files_mu_;  // of the copies' content; taken before mu_ is, never within
  LoginSync sync_ WM_GUARDED_BY(files_mu_);
  Mutex mu_;
  std::map<std::filesystem::path, Watched> watched_ WM_GUARDED_BY(mu_);
  JoinedJobs passes_;     // by group
  JoinedJobs deletions_;  // of what a guest left, without a lock
  std::unique_ptr<LoginWatcher> watcher_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
