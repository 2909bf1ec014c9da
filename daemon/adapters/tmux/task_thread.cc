#include "daemon/adapters/tmux/task_thread.h"

namespace workmux::daemon {

TaskThread::TaskThread() : thread_([this] { Loop(); }) {}

TaskThread::~TaskThread() { Stop(); }

void TaskThread::PostAfter(std::chrono::milliseconds delay, Task task) {
  MutexLock lock(mu_);
  if (stopping_) return;
  tasks_.emplace(std::chrono::steady_clock::now() + delay, std::move(task));
  changed_.notify_all();
}

void TaskThread::Stop() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void TaskThread::Loop() {
  for (;;) {
    Task task;
    {
      MutexLock lock(mu_);
      for (;;) {
        if (stopping_) return;
        if (tasks_.empty()) {
          changed_.wait(mu_);
          continue;
        }
        const TimePoint next = tasks_.begin()->first;
        if (next <= std::chrono::steady_clock::now()) break;
        changed_.wait_until(mu_, next);
      }
      task = std::move(tasks_.extract(tasks_.begin()).mapped());
    }
    task();
  }
}

}  // namespace workmux::daemon
