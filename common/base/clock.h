#pragma once

#include <chrono>
#include <cstdint>

namespace workmux {

// Seconds since the epoch of POSIX, for what people see and records keep; never
// for measuring how long something takes.
inline std::int64_t UnixNow() {
  using std::chrono::system_clock;
  return std::chrono::duration_cast<std::chrono::seconds>(system_clock::now().time_since_epoch())
      .count();
}

}  // namespace workmux
