#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>
#include <memory>

#include "common/base/mutex.h"
#include "daemon/async/executor.h"

namespace workmux::daemon {

// Runs body(0) … body(count - 1) on this thread and on those that the executor
// has to spare, and returns when all are done. The caller takes part until no
// index is left, so that it may be one of the executor's own jobs even when every
// worker is in such a call. No more than `at_once` run at a time.
template <class Body>
void ParallelFor(Executor& executor, std::size_t count, const Body& body,
                 std::size_t at_once = std::numeric_limits<std::size_t>::max()) {
  struct State {
    std::atomic<std::size_t> next{0};
    Mutex mu;
    CondVar changed;
    std::size_t done = 0;
  };
  auto state = std::make_shared<State>();
  // A helper that starts late finds no index, and so never touches a dead `body`.
  const auto work = [state, count, &body] {
    for (std::size_t i = state->next++; i < count; i = state->next++) {
      body(i);
      MutexLock lock(state->mu);
      if (++state->done == count) state->changed.notify_all();
    }
  };
  for (std::size_t i = 1; i < std::min(count, at_once); ++i) executor.Post(work);
  work();
  state->mu.Lock();
  while (state->done < count) state->changed.wait(state->mu);
  state->mu.Unlock();
}

}  // namespace workmux::daemon
