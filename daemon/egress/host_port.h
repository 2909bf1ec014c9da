#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace workmux::egress {

// A service that listens on the host's loopback and that a restricted sandbox may use:
// it is at the same port of the sandbox's own loopback.
struct HostPort {
  std::string name;
  std::uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};

// Ports of a restricted sandbox's own loopback on which the guest's relay listens.
inline constexpr std::uint16_t kRelayProxyPort = 3128;  // as squid's, http_port
inline constexpr std::uint16_t kRelayBridgePort = 3127;

// kInvalidArgument for a name that is not [a-z0-9][a-z0-9-]{0,30}, and for a port that
// nobody in a sandbox could open or that is the relay's own. The text goes after the
// place. Pure.
absl::Status CheckHostPort(const HostPort& service);

// The file of its socket, beside the proxy's. Pure.
std::string SocketNameOf(const HostPort& service);

// As text for the database, and back; kDataLoss for what the first did not write.
std::string HostPortsToText(const std::vector<HostPort>& services);
absl::StatusOr<std::vector<HostPort>> HostPortsFromText(std::string_view text);

}  // namespace workmux::egress
