#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

#include "common/base/mutex.h"
#include "daemon/async/executor.h"

namespace workmux::daemon {

// Runs its jobs one after the other, in their order, on another executor: however
// many are posted, they take one worker. Made as a shared_ptr; lives on until its
// jobs have run.
class SerialExecutor : public Executor, public std::enable_shared_from_this<SerialExecutor> {
 public:
  explicit SerialExecutor(Executor& executor) : executor_(executor) {}

  void Post(absl::AnyInvocable<void()> job) override {
    {
      MutexLock lock(mu_);
      jobs_.push_back(std::move(job));
      if (jobs_.size() > 1) return;
    }
    Schedule();
  }
  // Jobs that have not ended, the running one included.
  std::size_t pending() const {
    MutexLock lock(mu_);
    return jobs_.size();
  }

 private:
  // One job a turn: other lanes get theirs in between.
  void Schedule() {
    executor_.Post([self = shared_from_this()] { self->RunOne(); });
  }

  void RunOne() {
    absl::AnyInvocable<void()> job;
    {
      MutexLock lock(mu_);
      job = std::move(jobs_.front());
    }
    job();
    job = nullptr;
    {
      MutexLock lock(mu_);
      jobs_.pop_front();
      if (jobs_.empty()) return;
    }
    Schedule();
  }

  Executor& executor_;
  mutable Mutex mu_;
  std::deque<absl::AnyInvocable<void()>> jobs_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
