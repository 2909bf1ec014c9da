#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>

#include "common/base/mutex.h"
#include "daemon/async/executor.h"

namespace workmux::daemon {

// Runs one job a key on an executor, at most one of a key at a time: requests that come
// while one waits are joined to it, and those that come while it runs make it run once
// more. So what was asked for after a run began is never missed. Thread-safe; outlives
// what it posted.
class JoinedJobs {
 public:
  using Job = std::function<void(const std::string& key)>;
  JoinedJobs(Executor& executor, Job job) : executor_(executor), job_(std::move(job)) {}
  JoinedJobs(const JoinedJobs&) = delete;
  JoinedJobs& operator=(const JoinedJobs&) = delete;

  void Request(const std::string& key) {
    {
      MutexLock lock(mu_);
      const auto [run, is_first] = again_.try_emplace(key, false);
      if (!is_first) {
        run->second = true;
        return;
      }
    }
    Post(key);
  }

 private:
  void Post(const std::string& key) {
    executor_.Post([this, key] { Run(key); });
  }

  void Run(const std::string& key) {
    {
      MutexLock lock(mu_);
      again_[key] = false;
    }
    job_(key);
    {
      MutexLock lock(mu_);
      const auto run = again_.find(key);
      if (!run->second) {
        again_.erase(run);
        return;
      }
    }
    Post(key);
  }

  Executor& executor_;
  const Job job_;
  Mutex mu_;
  std::map<std::string, bool> again_ WM_GUARDED_BY(mu_);  // waiting or running
};

}  // namespace workmux::daemon
