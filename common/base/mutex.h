#pragma once

#include <condition_variable>
#include <mutex>
#include <shared_mutex>

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

// Many readers or one writer, as Mutex is for one holder.
class WM_CAPABILITY("mutex") SharedMutex {
 public:
  void Lock() WM_ACQUIRE() { mu_.lock(); }
  void Unlock() WM_RELEASE() { mu_.unlock(); }
  void LockShared() WM_ACQUIRE_SHARED() { mu_.lock_shared(); }
  void UnlockShared() WM_RELEASE_SHARED() { mu_.unlock_shared(); }

 private:
  std::shared_mutex mu_;
};

class WM_SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mu) WM_ACQUIRE(mu) : mu_(mu) { mu_.Lock(); }
  ~WriterLock() WM_RELEASE() { mu_.Unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mu_;
};

class WM_SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mu) WM_ACQUIRE_SHARED(mu) : mu_(mu) { mu_.LockShared(); }
  ~ReaderLock() WM_RELEASE() { mu_.UnlockShared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mu_;
};

// Waits take the Mutex itself, which the caller holds.
using CondVar = std::condition_variable_any;

}  // namespace workmux
