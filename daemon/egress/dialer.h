#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/address.hpp>
#include <asio/posix/stream_descriptor.hpp>

#include <chrono>
#include <cstdint>
#include <vector>

#include <absl/status/statusor.h>

namespace workmux::egress {

// Connects to exactly the addresses that it is given, never to a name.
class Dialer {
 public:
  struct Dialled {
    asio::posix::stream_descriptor connection;  // non-blocking
    asio::ip::address address;
  };
  virtual ~Dialer() = default;
  virtual asio::awaitable<absl::StatusOr<Dialled>> Dial(std::vector<asio::ip::address> addresses,
                                                        std::uint16_t port) = 0;
};

// RFC 8305 5: the next address is tried beside the others after 250 ms, or as soon as
// one has failed; the first connection wins and the others are closed. Who answers must
// be who was dialled (getpeername(2)). kDeadlineExceeded after `limit`, else the last
// error.
class TcpDialer : public Dialer {
 public:
  struct Times {
    std::chrono::milliseconds stagger{250};
    std::chrono::milliseconds limit{10'000};
  };
  TcpDialer() : TcpDialer(Times()) {}
  explicit TcpDialer(const Times& times) : times_(times) {}
  asio::awaitable<absl::StatusOr<Dialled>> Dial(std::vector<asio::ip::address> addresses,
                                                std::uint16_t port) override;

 private:
  const Times times_;
};

}  // namespace workmux::egress
