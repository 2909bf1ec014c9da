#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <utility>

#include "common/base/mutex.h"
#include "common/process/command_runner.h"
#include "daemon/async/executor.h"
#include "daemon/ports/git_boundary.h"
#include "daemon/sandbox_git/branch_importer.h"
#include "daemon/sandbox_git/git_jail.h"
#include "daemon/sandbox_git/ref_follower.h"
#include "daemon/sandbox_git/ref_watcher.h"

namespace workmux::daemon {

// GitBoundary over the private git directories below the state directory. Imports
// and follows that a moved ref asks for run on the executor, one at a time for
// each side of a directory: a guest that moves its branch without end costs one
// worker at most.
class CloneGitBoundary : public GitBoundary {
 public:
  static absl::StatusOr<std::unique_ptr<CloneGitBoundary>> Create(CommandRunner& runner,
                                                                  Executor& executor,
                                                                  std::filesystem::path state_dir);

  absl::Status Check() override;
  absl::StatusOr<std::vector<Mount>> Prepare(const Worktree& worktree, const Env& caller,
                                             std::stop_token stop) override;
  absl::Status Watch(const Worktree& worktree) override;
  void Unwatch(const Worktree& worktree) override;
  absl::Status Import(const Worktree& worktree, std::stop_token stop) override;
  absl::Status Discard(const Worktree& worktree) override;

  // In the background: private directories whose worktree is gone go to the trash,
  // and what has been there for too long is deleted.
  void TidyUp();

  // Moved refs ask for nothing any more; what was asked for still runs.
  void StopWatching();

 private:
  using Target = std::pair<std::filesystem::path, RefWatcher::Side>;
  struct Watched {
    Worktree worktree;
    int count = 0;
  };

  CloneGitBoundary(CommandRunner& runner, Executor& executor, std::filesystem::path state_dir);
  void OnMoved(const std::filesystem::path& key, RefWatcher::Side side);
  void Pass(const Target& target);
  void Bring(const Worktree& worktree, RefWatcher::Side side);

  CommandRunner& runner_;
  Executor& executor_;
  const std::filesystem::path state_dir_;
  // Without bubblewrap there is no jail, and so no import and no private
  // directory: the error says so at each use.
  const absl::StatusOr<BubblewrapJail> jail_;
  std::unique_ptr<BranchImporter> importer_;
  std::unique_ptr<RefFollower> follower_;
  Mutex mu_;
  std::map<std::filesystem::path, Watched> watched_ WM_GUARDED_BY(mu_);
  std::map<Target, bool> passes_ WM_GUARDED_BY(mu_);  // under way; true: once more after it
  std::unique_ptr<RefWatcher> watcher_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
