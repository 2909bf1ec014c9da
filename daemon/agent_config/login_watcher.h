#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/unique_fd.h"

namespace workmux::daemon {

// Tells when files of certain names may have changed in the directories of a group.
// One inotify(7) instance and one thread for all groups; nothing wakes while nothing
// moves. Thread-safe.
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
  ~LoginWatcher();
  LoginWatcher(const LoginWatcher&) = delete;
  LoginWatcher& operator=(const LoginWatcher&) = delete;

  // Replaces what the group watches; no directories: nothing. Directories that are
  // watched already stay so. WATCH_FAILED (kResourceExhausted) when one cannot be.
  absl::Status Set(const std::string& group, const std::vector<std::filesystem::path>& dirs,
                   std::set<std::string, std::less<>> names);

 private:
  using Steady = std::chrono::steady_clock;
  struct Group {
    std::set<int> watches;
    std::set<std::string, std::less<>> names;
    Steady::time_point quiet_until;
  };

  LoginWatcher(OnChanged on_changed, std::chrono::milliseconds debounce,
               std::chrono::milliseconds pause, UniqueFd inotify, UniqueFd wake);
  void Run();
  int WaitTime();
  void Drain();
  void Note(int descriptor, std::uint32_t mask, std::string_view name);
  void Deliver();

  const OnChanged on_changed_;
  const std::chrono::milliseconds debounce_;
  const std::chrono::milliseconds pause_;
  const UniqueFd inotify_;
  const UniqueFd wake_;
  Mutex mu_;
  std::map<std::string, Group> groups_ WM_GUARDED_BY(mu_);
  std::map<std::string, Steady::time_point> due_ WM_GUARDED_BY(mu_);
  bool stopping_ WM_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace workmux::daemon
