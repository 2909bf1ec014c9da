#include "daemon/adapters/git/repository_lock.h"

#include <chrono>
#include <thread>

#include "common/base/status.h"

namespace workmux::daemon {

absl::StatusOr<FileLock> LockRepository(const std::filesystem::path& common_dir) {
  constexpr std::chrono::seconds kPatience{30};
  constexpr std::chrono::milliseconds kLongestPause{20};
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  std::chrono::milliseconds pause{1};
  while (true) {
    auto lock = FileLock::TryAcquire(common_dir / ".workmux.lock");
    if (lock.ok() || lock.status().code() != absl::StatusCode::kAborted) return lock;
    if (std::chrono::steady_clock::now() > deadline) {
      return WithReason(Unavailable("{}: the repository is busy", common_dir.string()),
                        "REPOSITORY_BUSY");
    }
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace workmux::daemon
