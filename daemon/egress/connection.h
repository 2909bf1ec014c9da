#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/egress/egress_policy.h"

namespace workmux::egress {

struct LiveTunnel {
  std::uint64_t connection = 0;
  std::string session;
  std::string host;
  std::string service;  // of the host itself, in place of `host`
  std::string address;  // empty: it is not connected yet
  std::string rule;
  std::chrono::system_clock::time_point since;
  std::uint64_t bytes_up = 0;
  std::uint64_t bytes_down = 0;
};

// A connection of a sandbox to something outside of it. Used on the proxy's thread.
class Connection {
 public:
  virtual ~Connection() = default;
  // Ends it for one of decision.h's reasons.
  virtual void Cut(std::string_view why) = 0;
  // Whether what was asked for is allowed by this policy too.
  virtual bool IsAllowedBy(const Policy& policy) const = 0;
  virtual LiveTunnel live() const = 0;
};

}  // namespace workmux::egress
