#include "daemon/egress/joint.h"

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace workmux::egress {

Joint::Joint(PipePool& pool, const IdleLimits& limits, asio::posix::stream_descriptor near,
             asio::posix::stream_descriptor far)
    : pool_(pool),
      limits_(limits),
      near_(std::move(near)),
      far_(std::move(far)),
      idle_(near_.get_executor()),
      down_ended_(near_.get_executor()) {}

void Joint::Cut() {
  asio::error_code ignored;
  near_.close(ignored);
  far_.close(ignored);
}

std::chrono::steady_clock::time_point Joint::IdleEnd() const {
  const auto limit = up_.ended || down_.ended ? limits_.half_closed : limits_.open;
  return std::max(up_.active, down_.active) + limit;
}

// The timer is not moved for each byte: when it is due it looks when the last one was.
void Joint::WatchIdle() {
  idle_.expires_at(IdleEnd());
  idle_.async_wait([self = shared_from_this()](const asio::error_code& error) {
    if (error) return;
    if (self->IdleEnd() > std::chrono::steady_clock::now()) return self->WatchIdle();
    self->timed_out_ = true;
    self->Cut();
  });
}

asio::awaitable<void> Joint::PumpDown() {
  const auto self = shared_from_this();
  const std::error_code failed = co_await Pump(far_, near_, pool_, down_);
  down_over_ = true;
  // A connection that failed can take nothing any more.
  if (failed) Cut();
  if (!failed && !up_.ended) WatchIdle();
  down_ended_.cancel();
}

asio::awaitable<void> Joint::Run() {
  const auto self = shared_from_this();
  down_ended_.expires_at(asio::steady_timer::time_point::max());
  WatchIdle();
  asio::co_spawn(near_.get_executor(), PumpDown(), asio::detached);
  const std::error_code failed = co_await Pump(near_, far_, pool_, up_);
  if (failed) Cut();
  if (!failed && !down_over_) WatchIdle();
  asio::error_code ignored;
  if (!down_over_)
    co_await down_ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  idle_.cancel();
  Cut();
}

}  // namespace workmux::egress
