#include "daemon/domain/worktree_claims.h"

#include "common/base/path.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {

bool SandboxArea::Contains(const std::filesystem::path& path) const {
  const std::filesystem::path& main = worktree.repository.main_worktree;
  return IsWithin(path, worktree.path) || (main_writable && !main.empty() && IsWithin(path, main));
}

bool SandboxArea::Exposes(const std::filesystem::path& path) const {
  // The sandbox's own repository stands over the host's git directory.
  if (!own_git || !Contains(path) || IsWithin(path, worktree.repository.common_dir)) return false;
  if (sealed_dir.empty() || !IsWithin(path, sealed_dir)) return true;
  // The worktree itself is writable again.
  return IsWithin(worktree.path, sealed_dir) && IsWithin(path, worktree.path);
}

WorktreeClaims::Claim::~Claim() {
  if (claims_ == nullptr) return;
  MutexLock lock(claims_->mu_);
  claims_->claimed_.extract(path_);
  ++claims_->version_;
}

WorktreeClaims::Claim WorktreeClaims::Take(const std::filesystem::path& worktree) {
  MutexLock lock(mu_);
  claimed_.insert(worktree);
  ++version_;
  return {this, worktree};
}

std::uint64_t WorktreeClaims::version() const {
  MutexLock lock(mu_);
  return version_;
}

absl::Status WorktreeClaims::CheckFree(const SandboxArea& area) const {
  MutexLock lock(mu_);
  for (const std::filesystem::path& path : claimed_) {
    if (path != area.worktree.path && !area.Exposes(path)) continue;
    return WithHint(WithReason(Aborted("'{}' is being made or removed", Printable(path.native())),
                               "WORKTREE_BUSY"),
                    "wait for it to end, then try again");
  }
  return absl::OkStatus();
}

}  // namespace workmux::daemon
