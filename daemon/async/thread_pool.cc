#include "daemon/async/thread_pool.h"

#include <malloc.h>
#include <pthread.h>

#include <system_error>
#include <utility>

namespace workmux::daemon {
ThreadPool::ThreadPool(std::string name, std::size_t min_threads, std::size_t max_threads,
                       std::chrono::milliseconds idle_limit)
    : name_(std::move(name)),
      min_threads_(min_threads),
      max_threads_(max_threads),
      idle_limit_(idle_limit) {
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

bool ThreadPool::WaitForJob(bool& has_worked) {
  ++idle_;
  bool leaves = false;
  while (jobs_.empty() && !stopping_ && !leaves) {
    const bool may_leave = threads_.size() - finished_.size() > min_threads_;
    if (!may_leave && !has_worked) {
      work_.wait(mu_);
      continue;
    }
    if (work_.wait_for(mu_, idle_limit_) != std::cv_status::timeout || !jobs_.empty()) continue;
    if (has_worked) {
      has_worked = false;
      mu_.Unlock();
      ::malloc_trim(0);
      mu_.Lock();
    }
    // Others may have left meanwhile, or a job come.
    leaves = jobs_.empty() && threads_.size() - finished_.size() > min_threads_;
  }
  --idle_;
  return !jobs_.empty();
}

void ThreadPool::Run(std::size_t id) {
  bool has_worked = false;
  mu_.Lock();
  while (WaitForJob(has_worked)) {
    absl::AnyInvocable<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    ++running_;
    mu_.Unlock();
    job();
    job = nullptr;
    has_worked = true;
    mu_.Lock();
    --running_;
    idle_changed_.notify_all();
  }
  if (!stopping_) finished_.push_back(id);
  mu_.Unlock();
}

}  // namespace workmux::daemon
