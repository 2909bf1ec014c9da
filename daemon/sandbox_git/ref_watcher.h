#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/unique_fd.h"
#include "daemon/domain/types.h"
#include "daemon/sandbox_git/private_git_dir.h"

namespace workmux::daemon {

// Tells when refs may have moved, in the private directories and in the
// repositories that they belong to. One inotify(7) instance and one thread for
// all of them; nothing wakes while nothing moves. Thread-safe.
//
// Signals are hints: one may come without a change, and the receiver looks for
// itself. When the kernel's queue overflows, everything is signalled.
class RefWatcher {
 public:
  enum class Side { kGuest, kHost };
  // `key` is PrivateGitDir::path(). Called from the watcher's thread; must not block.
  using OnMoved = std::function<void(const std::filesystem::path& key, Side side)>;

  // Signals of one side of one key are held back for `debounce` and joined; a
  // guest that writes without end gets one signal per `debounce` at most.
  static absl::StatusOr<std::unique_ptr<RefWatcher>> Start(
      OnMoved on_moved, std::chrono::milliseconds debounce = std::chrono::milliseconds{4});
  ~RefWatcher();
  RefWatcher(const RefWatcher&) = delete;
  RefWatcher& operator=(const RefWatcher&) = delete;

  // Watching twice replaces. Of the guest's side only the worktree's branch counts.
  absl::Status Watch(const Worktree& worktree, const PrivateGitDir& dir);
  void Forget(const std::filesystem::path& key);

 private:
  using Steady = std::chrono::steady_clock;
  using Target = std::pair<std::filesystem::path, Side>;  // key and side
  struct Subject {
    std::filesystem::path common_dir;
    std::string branch_ref;  // full name; empty when detached
  };

  RefWatcher(OnMoved on_moved, std::chrono::milliseconds debounce, UniqueFd inotify, UniqueFd wake);
  void Run();
  int WaitTime();
  void Drain();
  void Note(int descriptor, std::uint32_t mask);
  void Deliver();
  absl::Status Arm(const Target& target, const Subject& subject) WM_REQUIRES(mu_);
  void ArmHost(const std::filesystem::path& dir, const Target& target, int depth) WM_REQUIRES(mu_);
  bool Add(const std::filesystem::path& root, const std::filesystem::path& below,
           const Target& target) WM_REQUIRES(mu_);
  void Drop(const std::filesystem::path& key) WM_REQUIRES(mu_);

  const OnMoved on_moved_;
  const std::chrono::milliseconds debounce_;
  const UniqueFd inotify_;
  const UniqueFd wake_;
  Mutex mu_;
  std::map<std::filesystem::path, Subject> subjects_ WM_GUARDED_BY(mu_);
  std::map<int, std::vector<Target>> watches_ WM_GUARDED_BY(mu_);
  std::map<Target, Steady::time_point> due_ WM_GUARDED_BY(mu_);
  std::map<Target, bool> rearm_ WM_GUARDED_BY(mu_);
  bool stopping_ WM_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace workmux::daemon
