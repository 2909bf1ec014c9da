#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/async/executor.h"

namespace workmux::daemon {

// An elastic pool: a job that finds no idle thread gets a new one up to
// `max_threads`, above that it waits. A thread that was idle for `idle_limit` gives
// the memory that was freed back to the system (malloc_trim(3)) and leaves, so an
// idle daemon is small and has `min_threads` that sleep without waking.
class ThreadPool : public Executor {
 public:
  ThreadPool(std::string name, std::size_t min_threads, std::size_t max_threads,
             std::chrono::milliseconds idle_limit = std::chrono::seconds(30));
  ~ThreadPool() override;  // runs what was posted, then joins

  void Post(absl::AnyInvocable<void()> job) override;
  // Waits until every job posted so far has run; new ones may be posted.
  void Drain();

 private:
  void Run(std::size_t id);
  void StartThread() WM_REQUIRES(mu_);
  void JoinFinished() WM_REQUIRES(mu_);
  // Sleeps until there is a job, or the thread has to leave: then false.
  bool WaitForJob(bool& has_worked) WM_REQUIRES(mu_);

  const std::string name_;
  const std::size_t min_threads_;
  const std::size_t max_threads_;
  const std::chrono::milliseconds idle_limit_;

  Mutex mu_;
  CondVar work_;
  CondVar idle_changed_;
  std::deque<absl::AnyInvocable<void()>> jobs_ WM_GUARDED_BY(mu_);
  std::map<std::size_t, std::thread> threads_ WM_GUARDED_BY(mu_);
  std::vector<std::size_t> finished_ WM_GUARDED_BY(mu_);
  std::size_t idle_ WM_GUARDED_BY(mu_) = 0;
  std::size_t running_ WM_GUARDED_BY(mu_) = 0;
  std::size_t next_id_ WM_GUARDED_BY(mu_) = 0;
  bool stopping_ WM_GUARDED_BY(mu_) = false;
};

}  // namespace workmux::daemon
