#pragma once

#include <absl/functional/any_invocable.h>

namespace workmux::daemon {

// Runs jobs on threads that may block. Thread-safe.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void Post(absl::AnyInvocable<void()> job) = 0;
};

}  // namespace workmux::daemon
