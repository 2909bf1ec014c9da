#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace workmux::test {

// Polls until `condition` holds; false when it did not within `limit`, which is
// that long for the sake of a busy machine.
inline bool WaitUntil(const std::function<bool()>& condition,
                      std::chrono::milliseconds limit = std::chrono::seconds(30)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace workmux::test
