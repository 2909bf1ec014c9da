#include "daemon/async/thread_pool.h"

#include <pthread.h>

#include <chrono>
#include <system_error>
#include <utility>

namespace workmux::daemon {
namespace {

constexpr std::chrono::seconds kIdleLimit{30};

}  // namespace

ThreadPool::ThreadPool(std::string name, std::size_t min_threads, std::size_t max_threads)
    : name_(std::move(name)), min_threads_(min_threads), max_threads_(max_threads) {
  MutexLock lock(mu_);
  for (std::size_t i = 0; i < min_threads_; ++i) StartThread();
}

ThreadPool::~ThreadPool() {
  std::map<std::size_t, std::thread> threads;
  {
    MutexLock lock(mu_);
    stopping_ = true;
    threads.swap(threads_);
  }
  work_.notify_all();
  for (auto& [id, thread] : threads) thread.join();
}

void ThreadPool::Post(absl::AnyInvocable<void()> job) {
  {
    MutexLock lock(mu_);
    JoinFinished();
    jobs_.push_back(std::move(job));
    if (jobs_.size() > idle_ && threads_.size() < max_threads_ && !stopping_) StartThread();
  }
  work_.notify_one();
}

void ThreadPool::Drain() {
  mu_.Lock();
  while (!jobs_.empty() || running_ > 0) idle_changed_.wait(mu_);
  mu_.Unlock();
}

void ThreadPool::StartThread() {
  const std::size_t id = next_id_++;
  try {
    threads_.emplace(id, std::thread([this, id] {
                       // Thread names hold 15 bytes, pthread_setname_np(3).
                       ::pthread_setname_np(
                           ::pthread_self(),
                           (name_ + "-" + std::to_string(id)).substr(0, 15).c_str());
                       Run(id);
                     }));
  } catch (const std::system_error&) {
    // The user's limit of processes (a sandbox may exhaust it): the job waits for
    // a thread there is. Without any the pool could not run at all.
    if (threads_.empty()) throw;
  }
}

void ThreadPool::JoinFinished() {
  for (const std::size_t id : finished_) {
    auto thread = threads_.extract(id);
    if (!thread.empty()) thread.mapped().join();
  }
  finished_.clear();
}

void ThreadPool::Run(std::size_t id) {
  mu_.Lock();
  for (;;) {
    ++idle_;
    bool timed_out = false;
    while (jobs_.empty() && !stopping_ && !timed_out) {
      if (threads_.size() - finished_.size() <= min_threads_) {
        work_.wait(mu_);
      } else {
        timed_out = work_.wait_for(mu_, kIdleLimit) == std::cv_status::timeout;
      }
    }
    --idle_;
    if (jobs_.empty()) {
      if (stopping_) break;
      if (threads_.size() - finished_.size() > min_threads_) {
        finished_.push_back(id);
        break;
      }
      continue;
    }
    absl::AnyInvocable<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    ++running_;
    mu_.Unlock();
    job();
    job = nullptr;
    mu_.Lock();
    --running_;
    idle_changed_.notify_all();
  }
  mu_.Unlock();
}

}  // namespace workmux::daemon
