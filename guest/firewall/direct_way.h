#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <absl/status/status.h>

namespace workmux::guest {

// That nothing leaves this network namespace by itself: a datagram to each of the
// addresses (numeric IPv4) and to documentation addresses (RFC 5737, RFC 3849) must be
// refused on its way out, which takes no answer from anywhere. So it holds where there
// is no route as well as behind a filter of what goes out. kFailedPrecondition.
absl::Status CheckNoDirectWay(std::span<const std::string> addresses);

// 0, or the errno of what keeps one datagram from going out, or a TCP connection from
// coming about within half a second. `address` is numeric, IPv4 or IPv6.
int SendError(const std::string& address, std::uint16_t port);
int ConnectError(const std::string& address, std::uint16_t port);

}  // namespace workmux::guest
