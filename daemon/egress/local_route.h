#pragma once

#include <absl/status/statusor.h>

#include <asio/ip/address.hpp>

namespace workmux::egress {

// Whether this host itself would receive what is sent to the address: one of its
// interfaces', a bridge's gateway, a broadcast or multicast address of it. Asks the
// kernel's routing table (rtnetlink(7), RTM_GETROUTE) each time, so that an interface
// that came up a moment ago counts. False without a route: nothing can be reached
// there. Thread-safe, does not block.
absl::StatusOr<bool> LeadsHere(const asio::ip::address& address);

}  // namespace workmux::egress
