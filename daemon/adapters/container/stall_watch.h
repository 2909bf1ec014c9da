#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <stop_token>
#include <thread>

#include "common/base/mutex.h"

namespace workmux::daemon {

// Asks work to stop when nobody has said for `limit` that it moves on, and when
// `outer` is asked to. Moved() from any thread.
class StallWatch {
 public:
  StallWatch(std::chrono::milliseconds limit, const std::stop_token& outer);

  void Moved();
  std::stop_token token() const { return stop_.get_token(); }
  // The limit passed, and that is why token() was asked to stop.
  bool stalled() const;

 private:
  void Watch(const std::stop_token& ended);

  const std::chrono::milliseconds limit_;
  std::stop_source stop_;
  mutable Mutex mu_;
  CondVar changed_;
  std::chrono::steady_clock::time_point deadline_ WM_GUARDED_BY(mu_);
  bool stalled_ WM_GUARDED_BY(mu_) = false;
  std::stop_callback<std::function<void()>> outer_;
  std::jthread watcher_;  // last: it uses all of the above
};

}  // namespace workmux::daemon
