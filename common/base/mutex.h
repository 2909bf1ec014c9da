#pragma once

#include <condition_variable>
#include <mutex>

#include "common/base/thread_annotations.h"

namespace workmux {

// std::mutex that Clang's analysis understands. Not absl::Mutex: the
// distribution's Abseil is not instrumented and ThreadSanitizer would report
// every access that it guards.
class WM_CAPABILITY("mutex") Mutex {
 public:
  void Lock() WM_ACQUIRE() { mu_.lock(); }
  void Unlock() WM_RELEASE() { mu_.unlock(); }
  // BasicLockable, for std::condition_variable_any.
  void lock() WM_ACQUIRE() { mu_.lock(); }      // NOLINT(readability-identifier-naming)
  void unlock() WM_RELEASE() { mu_.unlock(); }  // NOLINT(readability-identifier-naming)

 private:
  std::mutex mu_;
};

class WM_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mu) WM_ACQUIRE(mu) : mu_(mu) { mu_.Lock(); }
  ~MutexLock() WM_RELEASE() { mu_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

// Waits take the Mutex itself, which the caller holds.
using CondVar = std::condition_variable_any;

}  // namespace workmux
