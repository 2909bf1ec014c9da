#pragma once

#include <shared_mutex>

#include "common/base/thread_annotations.h"

namespace workmux {

// Many readers or one writer, as Mutex is for one holder.
class WM_CAPABILITY("mutex") SharedMutex {
 public:
  void Lock() WM_ACQUIRE() { mu_.lock(); }
  void Unlock() WM_RELEASE() { mu_.unlock(); }
  void LockShared() WM_THREAD_ATTRIBUTE(acquire_shared_capability()) { mu_.lock_shared(); }
  void UnlockShared() WM_THREAD_ATTRIBUTE(release_shared_capability()) { mu_.unlock_shared(); }

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
  explicit ReaderLock(SharedMutex& mu) WM_THREAD_ATTRIBUTE(acquire_shared_capability(mu))
      : mu_(mu) {
    mu_.LockShared();
  }
  ~ReaderLock() WM_RELEASE() { mu_.UnlockShared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mu_;
};

}  // namespace workmux
