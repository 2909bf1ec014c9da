#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/async/due_signals.h"
#include "daemon/async/inotify_thread.h"

namespace workmux::daemon {

// Tells when files of certain names may have changed in the directories of a group.
// One thread for all groups. Thread-safe.
//
// Signals are hints, and the receiver looks for itself. When the kernel's queue
// overflows, every group is signalled.
class LoginWatcher {
 public:
  // Called from the watcher's thread; must not block.
  using OnChanged = std::function<void(const std::string& group)>;

  // The signals of one group within `debounce` are joined; after one there is none
  // for `pause`, whatever a guest writes.
  static absl::StatusOr<std::unique_ptr<LoginWatcher>> Start(
      OnChanged on_changed, std::chrono::milliseconds debounce = std::chrono::milliseconds{5},
      std::chrono::milliseconds pause = std::chrono::milliseconds{50});
  LoginWatcher(const LoginWatcher&) = delete;
  LoginWatcher& operator=(const LoginWatcher&) = delete;

  // Replaces what the group watches; no directories: nothing. Directories that are
  // watched already stay so. WATCH_FAILED (kResourceExhausted) when one cannot be.
  absl::Status Set(const std::string& group, const std::vector<std::filesystem::path>& dirs,
                   std::set<std::string, std::less<>> names);

 private:
  friend class InotifyThread;
  struct Group {
    std::set<int> watches;
    std::set<std::string, std::less<>> names;
    InotifyThread::Clock::time_point quiet_until;
  };

  LoginWatcher(OnChanged on_changed, std::chrono::milliseconds debounce,
               std::chrono::milliseconds pause)
      : on_changed_(std::move(on_changed)), debounce_(debounce), pause_(pause) {}
  void Note(const InotifyThread::Event& event);
  std::optional<InotifyThread::Clock::time_point> NextDue();
  void Deliver();

  const OnChanged on_changed_;
  const std::chrono::milliseconds debounce_;
  const std::chrono::milliseconds pause_;
  Mutex mu_;
  std::map<std::string, Group> groups_ WM_GUARDED_BY(mu_);
  DueSignals<std::string> due_ WM_GUARDED_BY(mu_);
  std::unique_ptr<InotifyThread> thread_;  // last: it uses all of the above
};

}  // namespace workmux::daemon
