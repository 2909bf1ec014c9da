#pragma once

#include <asio/awaitable.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include <chrono>
#include <memory>

#include "common/relay/pump.h"

namespace workmux::egress {

struct IdleLimits {
  std::chrono::milliseconds open{600'000};
  std::chrono::milliseconds half_closed{60'000};
};

// Two connections whose bytes go to each other until both have ended, one fails, or no
// byte has moved for too long. Used on one thread, owned by shared_ptr.
class Joint : public std::enable_shared_from_this<Joint> {
 public:
  Joint(PipePool& pool, const IdleLimits& limits, asio::posix::stream_descriptor near,
        asio::posix::stream_descriptor far);

  // Ends when both directions have. Once.
  asio::awaitable<void> Run();
  // From outside: Run ends soon.
  void Cut();

  const PumpState& up() const { return up_; }  // from near to far
  const PumpState& down() const { return down_; }
  bool timed_out() const { return timed_out_; }

 private:
  asio::awaitable<void> PumpDown();
  void WatchIdle();
  std::chrono::steady_clock::time_point IdleEnd() const;

  PipePool& pool_;
  const IdleLimits limits_;
  asio::posix::stream_descriptor near_;
  asio::posix::stream_descriptor far_;
  asio::steady_timer idle_;
  asio::steady_timer down_ended_;
  PumpState up_;
  PumpState down_;
  bool down_over_ = false;
  bool timed_out_ = false;
};

}  // namespace workmux::egress
