#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/async/due_signals.h"
#include "daemon/async/inotify_thread.h"
#include "daemon/domain/types.h"
#include "daemon/sandbox_git/private_git_dir.h"

namespace workmux::daemon {

// Tells when refs may have moved, in the private directories and in the
// repositories that they belong to. One thread for all of them. Thread-safe.
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
  RefWatcher(const RefWatcher&) = delete;
  RefWatcher& operator=(const RefWatcher&) = delete;

  // Watching twice replaces. Of the guest's side only the worktree's branch counts.
  absl::Status Watch(const Worktree& worktree, const PrivateGitDir& dir);
  void Forget(const std::filesystem::path& key);

 private:
  friend class InotifyThread;
  using Target = std::pair<std::filesystem::path, Side>;  // key and side
  struct Subject {
    std::filesystem::path common_dir;
    std::string branch_ref;  // full name; empty when detached
  };

  RefWatcher(OnMoved on_moved, std::chrono::milliseconds debounce)
      : on_moved_(std::move(on_moved)), debounce_(debounce) {}
  void Note(const InotifyThread::Event& event);
  std::optional<InotifyThread::Clock::time_point> NextDue();
  void Deliver();
  absl::Status Arm(const Target& target, const Subject& subject) WM_REQUIRES(mu_);
  void ArmHost(const std::filesystem::path& dir, const Target& target, int depth) WM_REQUIRES(mu_);
  bool Add(const std::filesystem::path& root, const std::filesystem::path& below,
           const Target& target) WM_REQUIRES(mu_);
  void Drop(const std::filesystem::path& key) WM_REQUIRES(mu_);

  const OnMoved on_moved_;
  const std::chrono::milliseconds debounce_;
  Mutex mu_;
  std::map<std::filesystem::path, Subject> subjects_ WM_GUARDED_BY(mu_);
  std::map<int, std::vector<Target>> watches_ WM_GUARDED_BY(mu_);
  DueSignals<Target> due_ WM_GUARDED_BY(mu_);
  std::map<Target, bool> rearm_ WM_GUARDED_BY(mu_);
  std::unique_ptr<InotifyThread> thread_;  // last: it uses all of the above
};

}  // namespace workmux::daemon
