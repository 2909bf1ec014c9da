#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "common/base/mutex.h"

namespace workmux::daemon {

// Runs tasks one after the other on a thread of its own, in the order of their
// times. Sleeps without a time-out while there is none. Thread-safe.
class TaskThread {
 public:
  using Task = std::function<void()>;

  TaskThread();
  // Drops the tasks that have not begun and waits for the one that has.
  ~TaskThread();
  TaskThread(const TaskThread&) = delete;
  TaskThread& operator=(const TaskThread&) = delete;

  void Post(Task task) { PostAfter(std::chrono::milliseconds(0), std::move(task)); }
  void PostAfter(std::chrono::milliseconds delay, Task task);
  // Idempotent; called by the destructor.
  void Stop();

 private:
  using TimePoint = std::chrono::steady_clock::time_point;
  void Loop();

  Mutex mu_;
  CondVar changed_;
  std::multimap<TimePoint, Task> tasks_ WM_GUARDED_BY(mu_);
  bool stopping_ WM_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace workmux::daemon
