#pragma once

#include <cstddef>
#include <deque>
#include <utility>

#include "common/base/mutex.h"
#include "daemon/async/executor.h"

namespace workmux::test {

// Keeps what is posted until the test runs it on its own thread.
class ManualExecutor : public daemon::Executor {
 public:
  ManualExecutor() = default;
  // What a job holds may post until it is freed, a loop's registration for one.
  ~ManualExecutor() override {
    while (waiting() > 0) TakeAll().clear();
  }
  ManualExecutor(const ManualExecutor&) = delete;
  ManualExecutor& operator=(const ManualExecutor&) = delete;

  void Post(absl::AnyInvocable<void()> job) override {
    MutexLock lock(mu_);
    jobs_.push_back(std::move(job));
  }

  // Runs what is there and what that posts; the number of jobs run.
  std::size_t RunAll() {
    std::size_t ran = 0;
    while (absl::AnyInvocable<void()> job = Next()) {
      job();
      ++ran;
    }
    return ran;
  }

  std::size_t waiting() {
    MutexLock lock(mu_);
    return jobs_.size();
  }

 private:
  std::deque<absl::AnyInvocable<void()>> TakeAll() {
    MutexLock lock(mu_);
    return std::exchange(jobs_, {});
  }

  absl::AnyInvocable<void()> Next() {
    MutexLock lock(mu_);
    if (jobs_.empty()) return nullptr;
    absl::AnyInvocable<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    return job;
  }

  Mutex mu_;
  std::deque<absl::AnyInvocable<void()>> jobs_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::test
