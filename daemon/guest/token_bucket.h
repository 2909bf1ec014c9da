#pragma once

#include <algorithm>
#include <chrono>

namespace workmux::daemon {

// So many calls at once, so many a second after that. Not thread-safe.
class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  bool Take(Clock::time_point now) {
    const double passed = std::chrono::duration<double>(now - last_).count();
    if (passed > 0) {
      tokens_ = std::min(burst_, tokens_ + passed * per_second_);
      last_ = now;
    }
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  const double per_second_;
  const double burst_;
  double tokens_;
  Clock::time_point last_ = Clock::now();
};

}  // namespace workmux::daemon
