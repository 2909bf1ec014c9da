#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>

#include "common/base/unique_fd.h"

namespace workmux::daemon {

// One inotify(7) instance and the thread that reads it: what the watchers of files
// are made of. Nothing wakes while nothing happens.
class InotifyThread {
 public:
  using Clock = std::chrono::steady_clock;
  struct Event {
    int descriptor = -1;  // of inotify_add_watch(2)
    std::uint32_t mask = 0;
    std::string_view name;  // of the entry in a watched directory; for the call only
  };
  // All are called from the thread, one at a time, and must not block.
  struct Receiver {
    std::function<void(const Event&)> on_event;
    // When on_due is wanted next; nothing: after the next event.
    std::function<std::optional<Clock::time_point>()> next_due;
    // After events, a buffer of them at a time so that a flood cannot keep it back,
    // and when next_due has come.
    std::function<void()> on_due;
  };

  static absl::StatusOr<std::unique_ptr<InotifyThread>> Start(Receiver receiver);
  // For a watcher with these three as Note, NextDue and Deliver, which owns the thread.
  template <class Watcher>
  static absl::StatusOr<std::unique_ptr<InotifyThread>> StartFor(Watcher& watcher) {
    return Start({.on_event = [&watcher](const Event& event) { watcher.Note(event); },
                  .next_due = [&watcher] { return watcher.NextDue(); },
                  .on_due = [&watcher] { watcher.Deliver(); }});
  }
  // Waits for a call that runs; none begins after it.
  ~InotifyThread();
  InotifyThread(const InotifyThread&) = delete;
  InotifyThread& operator=(const InotifyThread&) = delete;

  // The instance: watches are added and removed by any thread.
  int fd() const { return inotify_.get(); }

 private:
  InotifyThread(Receiver receiver, UniqueFd inotify, UniqueFd wake);
  void Run();
  int WaitTime() const;
  void ReadEvents();

  const Receiver receiver_;
  const UniqueFd inotify_;
  const UniqueFd wake_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace workmux::daemon
