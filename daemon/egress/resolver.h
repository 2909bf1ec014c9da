#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/address.hpp>

#include <string>
#include <vector>

#include <absl/status/statusor.h>

namespace workmux::egress {

// Names to addresses, on the host. Used on the proxy's thread.
class Resolver {
 public:
  virtual ~Resolver() = default;
  // Errors: kNotFound, kDeadlineExceeded, kResourceExhausted (`asker` has too many
  // lookups under way, or everybody has), kUnavailable.
  virtual asio::awaitable<absl::StatusOr<std::vector<asio::ip::address>>> Resolve(
      std::string host, std::string asker) = 0;
  // Answers nothing from now on and keeps nothing of the loop, which may be destroyed.
  virtual void Stop() = 0;
};

}  // namespace workmux::egress
