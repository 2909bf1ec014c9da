#include "daemon/adapters/container/stall_watch.h"

#include <utility>

namespace workmux::daemon {

using std::chrono::steady_clock;

StallWatch::StallWatch(std::chrono::milliseconds limit, const std::stop_token& outer)
    : limit_(limit),
      deadline_(steady_clock::now() + limit),
      outer_(outer, [stop = stop_]() mutable { stop.request_stop(); }),
      watcher_([this](std::stop_token ended) { Watch(ended); }) {}

void StallWatch::Moved() {
  MutexLock lock(mu_);
  deadline_ = steady_clock::now() + limit_;
}

bool StallWatch::stalled() const {
  MutexLock lock(mu_);
  return stalled_;
}

void StallWatch::Watch(const std::stop_token& ended) {
  std::stop_callback wake(ended, [this] {
    MutexLock lock(mu_);
    changed_.notify_all();
  });
  MutexLock lock(mu_);
  while (!ended.stop_requested() && !stop_.stop_requested()) {
    if (steady_clock::now() >= deadline_) {
      stalled_ = true;
      stop_.request_stop();
      return;
    }
    changed_.wait_until(mu_, deadline_);
  }
}

}  // namespace workmux::daemon
