#pragma once

#include <asio/awaitable.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "common/relay/pipe_pool.h"

namespace workmux {

// One direction of a joined pair of connections.
struct PumpState {
  std::uint64_t bytes = 0;
  bool ended = false;  // the sender's end has been handed on
  std::chrono::steady_clock::time_point active = std::chrono::steady_clock::now();
};

// Moves what `from` receives to `to`, both non-blocking stream sockets, until its end,
// which it hands on (shutdown(2)); the other direction goes on. Holds no more than one
// pipe of the pool, or 16 KiB when there is none, and nothing while no byte is on its
// way: what `to` does not take is not read. Bytes are moved with splice(2) where the
// system has it; SIGPIPE must be ignored. Ends with an error when a connection fails;
// who wants it to end closes both. All arguments must outlive it; runs on their
// executor, which is one thread, and gives others a turn.
asio::awaitable<std::error_code> Pump(asio::posix::stream_descriptor& from,
                                      asio::posix::stream_descriptor& to, PipePool& pool,
                                      PumpState& state);

// Writes all of `bytes`.
asio::awaitable<std::error_code> WriteAll(asio::posix::stream_descriptor& to,
                                          std::string_view bytes);

}  // namespace workmux
