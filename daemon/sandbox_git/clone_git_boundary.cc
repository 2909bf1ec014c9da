#include "daemon/sandbox_git/clone_git_boundary.h"

#include <utility>

#include "common/base/status.h"
#include "common/log/log.h"

namespace workmux::daemon {
namespace {

void LogFailure(std::string_view what, const absl::Status& status) {
  if (!status.ok()) LogWarning("git", Format("{}: {}", what, MessageOf(status)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CloneGitBoundary>> CloneGitBoundary::Create(CommandRunner& runner, Executor& executor,
                                                                         std::filesystem::path state_dir) {
  std::unique_ptr<CloneGitBoundary> git(new CloneGitBoundary(runner, executor, std::move(state_dir)));
  WM_ASSIGN_OR_RETURN(git->watcher_,
                      RefWatcher::Start([raw = git.get()](const std::filesystem::path& key, RefWatcher::Side side) {
                        raw->OnMoved(key, side);
                      }));
  return git;
}

CloneGitBoundary::CloneGitBoundary(CommandRunner& runner, Executor& executor, std::filesystem::path state_dir)
    : runner_(runner), executor_(executor), state_dir_(std::move(state_dir)), jail_(BubblewrapJail::Find()) {
  if (!jail_.ok()) return;
  importer_ = std::make_unique<BranchImporter>(runner_, *jail_);
  follower_ = std::make_unique<RefFollower>(runner_, *jail_);
}

absl::Status CloneGitBoundary::Check() {
  if (jail_.ok()) return absl::OkStatus();
  return WithHint(Annotate(jail_.status(), "sandbox.git: clone"), "install it: apt install bubblewrap");
}

absl::StatusOr<std::vector<Mount>> CloneGitBoundary::Prepare(const Worktree& worktree, const Env& caller,
                                                            std::stop_token stop) {
  WM_RETURN_IF_ERROR(Check());
  WM_ASSIGN_OR_RETURN(const PrivateGitDir dir,
                      PrivateGitDir::Ensure(runner_, worktree, state_dir_, caller, stop));
  // News of the host that do not fit are no reason to keep the agent waiting.
  LogFailure("following the host's refs", follower_->Follow(worktree, dir, stop).status());
  return dir.Mounts();
}

absl::Status CloneGitBoundary::Watch(const Worktree& worktree) {
  WM_RETURN_IF_ERROR(Check());
  WM_ASSIGN_OR_RETURN(const PrivateGitDir dir, PrivateGitDir::Find(worktree, state_dir_));
  MutexLock lock(mu_);
  Watched& watched = watched_[dir.path()];
  watched.worktree = worktree;
  if (++watched.count > 1) return absl::OkStatus();
  return watcher_->Watch(worktree, dir);
}

void CloneGitBoundary::Unwatch(const Worktree& worktree) {
  const auto dir = PrivateGitDir::Find(worktree, state_dir_);
  if (!dir.ok()) return;
  MutexLock lock(mu_);
  const auto found = watched_.find(dir->path());
  if (found == watched_.end() || --found->second.count > 0) return;
  watched_.erase(found);
  watcher_->Forget(dir->path());
}

void CloneGitBoundary::OnMoved(const std::filesystem::path& key, RefWatcher::Side side) {
  Worktree worktree;
  {
    MutexLock lock(mu_);
    const auto found = watched_.find(key);
    if (found == watched_.end()) return;
    worktree = found->second.worktree;
  }
  executor_.Post([this, worktree, side] {
    if (side == RefWatcher::Side::kGuest) {
      LogFailure("taking the branch", Import(worktree, {}));
      return;
    }
    const auto dir = PrivateGitDir::Find(worktree, state_dir_);
    if (dir.ok()) LogFailure("following the host's refs", follower_->Follow(worktree, *dir, {}).status());
  });
}

absl::Status CloneGitBoundary::Import(const Worktree& worktree, std::stop_token stop) {
  const auto dir = PrivateGitDir::Find(worktree, state_dir_);
  if (dir.status().code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  WM_RETURN_IF_ERROR(dir.status());
  WM_RETURN_IF_ERROR(Check());
  return importer_->Import(worktree, *dir, stop).status();
}

absl::Status CloneGitBoundary::Discard(const Worktree& worktree) {
  const auto dir = PrivateGitDir::Find(worktree, state_dir_);
  if (dir.status().code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  WM_RETURN_IF_ERROR(dir.status());
  return dir->MoveToTrash();
}

}  // namespace workmux::daemon
