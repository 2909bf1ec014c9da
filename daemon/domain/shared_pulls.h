#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include <absl/status/status.h>

#include "common/base/mutex.h"
#include "daemon/domain/progress.h"

namespace workmux::daemon {

// Whoever wants what is being pulled already waits for that pull and sees its
// progress. It runs on a thread of its own, and is asked to stop when nobody
// waits any more. Thread-safe.
class SharedPulls {
 public:
  using PullFn = std::function<absl::Status(ProgressSink&, std::stop_token)>;

  // Blocks until the pull of `key` ends (its status) or `stop` is requested
  // (kCancelled). `progress` is not used after the return.
  absl::Status Run(const std::string& key, const PullFn& pull, ProgressSink& progress,
                   const std::stop_token& stop);

 private:
  class Flight;

  Mutex mu_;
  std::map<std::string, std::shared_ptr<Flight>> flights_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
