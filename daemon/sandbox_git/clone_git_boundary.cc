#include "daemon/sandbox_git/clone_git_boundary.h"

#include <optional>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/log/log.h"
#include "daemon/domain/worktree_state_trash.h"

namespace workmux::daemon {
namespace {

void LogFailure(std::string_view what, const absl::Status& status) {
  if (!status.ok()) LogWarning("git", Format("{}: {}", what, MessageOf(status)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CloneGitBoundary>> CloneGitBoundary::Create(
    CommandRunner& runner, Executor& executor, std::filesystem::path state_dir) {
  std::unique_ptr<CloneGitBoundary> git(
      new CloneGitBoundary(runner, executor, std::move(state_dir)));
  WM_ASSIGN_OR_RETURN(
      auto watcher,
      RefWatcher::Start([raw = git.get()](const std::filesystem::path& key, RefWatcher::Side side) {
        raw->OnMoved(key, side);
      }));
  {
    MutexLock lock(git->mu_);
    git->watcher_ = std::move(watcher);
  }
  return git;
}

CloneGitBoundary::CloneGitBoundary(CommandRunner& runner, Executor& executor,
                                   std::filesystem::path state_dir)
    : runner_(runner),
      executor_(executor),
      state_dir_(std::move(state_dir)),
      jail_(BubblewrapJail::Find()) {
  if (!jail_.ok()) return;
  importer_ = std::make_unique<BranchImporter>(runner_, *jail_);
  follower_ = std::make_unique<RefFollower>(runner_, *jail_);
}

absl::Status CloneGitBoundary::Check() {
  if (jail_.ok()) return absl::OkStatus();
  return WithHint(Annotate(jail_.status(), "sandbox.git: clone"),
                  "install it: apt install bubblewrap");
}

absl::StatusOr<std::vector<Mount>> CloneGitBoundary::Prepare(const Worktree& worktree,
                                                             const Env& caller,
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
  if (!watcher_) return Unavailable("workmuxd is stopping");
  // Also when it is watched already: the worktree may be on another branch by now.
  WM_RETURN_IF_ERROR(watcher_->Watch(worktree, dir));
  Watched& watched = watched_[dir.path()];
  watched.worktree = worktree;
  ++watched.count;
  return absl::OkStatus();
}

void CloneGitBoundary::Unwatch(const Worktree& worktree) {
  const auto dir = PrivateGitDir::Find(worktree, state_dir_);
  if (!dir.ok()) return;
  MutexLock lock(mu_);
  const auto found = watched_.find(dir->path());
  if (found == watched_.end() || --found->second.count > 0) return;
  watched_.erase(found);
  if (watcher_) watcher_->Forget(dir->path());
}

void CloneGitBoundary::StopWatching() {
  std::unique_ptr<RefWatcher> stopped;
  {
    MutexLock lock(mu_);
    stopped = std::move(watcher_);
  }
  // Joined without the lock, which the watcher's thread takes.
}

void CloneGitBoundary::OnMoved(const std::filesystem::path& key, RefWatcher::Side side) {
  {
    MutexLock lock(mu_);
    if (!watched_.contains(key)) return;
    const auto [pass, first] = passes_.try_emplace({key, side}, false);
    if (!first) {
      pass->second = true;
      return;
    }
  }
  executor_.Post([this, target = Target{key, side}] { Pass(target); });
}

void CloneGitBoundary::Pass(const Target& target) {
  std::optional<Worktree> worktree;
  {
    MutexLock lock(mu_);
    passes_[target] = false;
    if (const auto found = watched_.find(target.first); found != watched_.end())
      worktree = found->second.worktree;
  }
  if (worktree) Bring(*worktree, target.second);
  {
    MutexLock lock(mu_);
    const auto pass = passes_.find(target);
    if (!worktree || !pass->second) {
      passes_.erase(pass);
      return;
    }
  }
  executor_.Post([this, target] { Pass(target); });
}

void CloneGitBoundary::Bring(const Worktree& worktree, RefWatcher::Side side) {
  if (side == RefWatcher::Side::kGuest) {
    LogFailure("taking the branch", Import(worktree, {}));
    return;
  }
  const auto dir = PrivateGitDir::Find(worktree, state_dir_);
  if (dir.ok())
    LogFailure("following the host's refs", follower_->Follow(worktree, *dir, {}).status());
}

absl::Status CloneGitBoundary::Import(const Worktree& worktree, std::stop_token stop) {
  const auto dir = PrivateGitDir::Find(worktree, state_dir_);
  if (dir.status().code() == absl::StatusCode::kNotFound) return absl::OkStatus();
  WM_RETURN_IF_ERROR(dir.status());
  WM_RETURN_IF_ERROR(Check());
  return importer_->Import(worktree, *dir, stop).status();
}

absl::Status CloneGitBoundary::Discard(const Worktree& worktree) {
  auto dir = PrivateGitDir::Find(worktree, state_dir_);
  if (absl::IsNotFound(dir.status())) dir = PrivateGitDir::FindRemoved(worktree, state_dir_);
  if (absl::IsNotFound(dir.status())) return absl::OkStatus();
  WM_RETURN_IF_ERROR(dir.status());
  WM_RETURN_IF_ERROR(dir->MoveToTrash());
  TidyUp();
  return absl::OkStatus();
}

void CloneGitBoundary::TidyUp() {
  executor_.Post([base = state_dir_ / "git"] {
    LogFailure("tidying up private git directories", TrashOrphans(base, UnixNow()).status());
    LogFailure("emptying the trash", PruneStateTrash(base, UnixNow()).status());
  });
}

}  // namespace workmux::daemon
