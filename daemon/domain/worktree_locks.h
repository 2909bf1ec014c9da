#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/mutex.h"

namespace workmux::daemon {

// Keeps two operations off one worktree or branch at a time. Nobody waits: the
// second is told that the first is under way. Thread-safe.
class WorktreeLocks {
 public:
  class Hold {
   public:
    Hold(WorktreeLocks* locks, std::string key) : locks_(locks), key_(std::move(key)) {}
    Hold(Hold&& other) noexcept
        : locks_(std::exchange(other.locks_, nullptr)), key_(std::move(other.key_)) {}
    Hold& operator=(Hold&&) = delete;
    ~Hold();

   private:
    WorktreeLocks* locks_;
    std::string key_;
  };

  // kAborted (OPERATION_UNDER_WAY) when it is held.
  absl::StatusOr<Hold> TryLockWorktree(const std::filesystem::path& path);
  absl::StatusOr<Hold> TryLockBranch(const std::filesystem::path& common_dir,
                                     std::string_view branch);

 private:
  absl::StatusOr<Hold> TryLock(std::string key, std::string_view shown);

  Mutex mutex_;
  std::set<std::string> held_ WM_GUARDED_BY(mutex_);
};

}  // namespace workmux::daemon
