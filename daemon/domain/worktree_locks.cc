#include "daemon/domain/worktree_locks.h"

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {

WorktreeLocks::Hold::~Hold() {
  if (locks_ == nullptr) return;
  MutexLock lock(locks_->mutex_);
  locks_->held_.erase(key_);
}

absl::StatusOr<WorktreeLocks::Hold> WorktreeLocks::TryLock(std::string key,
                                                           std::string_view shown) {
  MutexLock lock(mutex_);
  if (!held_.insert(key).second) {
    return WithHint(WithReason(Aborted("another operation on '{}' is under way", Printable(shown)),
                               "OPERATION_UNDER_WAY"),
                    "wait for it to end, then try again");
  }
  return Hold(this, std::move(key));
}

absl::StatusOr<WorktreeLocks::Hold> WorktreeLocks::TryLockWorktree(
    const std::filesystem::path& path) {
  return TryLock("worktree " + path.string(), path.string());
}

absl::StatusOr<WorktreeLocks::Hold> WorktreeLocks::TryLockBranch(
    const std::filesystem::path& common_dir, std::string_view branch) {
  return TryLock("branch " + common_dir.string() + '\0' + std::string(branch), branch);
}

}  // namespace workmux::daemon
