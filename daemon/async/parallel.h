#pragma once

#include <cstddef>
#include <latch>

#include "daemon/async/executor.h"

namespace workmux::daemon {

// Runs body(0) … body(count - 1), the first on this thread and the others on the
// executor, and returns when all are done. The executor must be able to grow:
// the caller's own thread is one of its workers.
template <class Body>
void ParallelFor(Executor& executor, std::size_t count, const Body& body) {
  if (count == 0) return;
  std::latch remaining(static_cast<std::ptrdiff_t>(count - 1));
  for (std::size_t i = 1; i < count; ++i) {
    executor.Post([&body, &remaining, i] {
      body(i);
      remaining.count_down();
    });
  }
  body(0);
  remaining.wait();
}

}  // namespace workmux::daemon
