#pragma once

#include <string>

#include <absl/status/status.h>

namespace workmux::guest {

// Waits until the host has put the firewall around this sandbox, and tries it out. A
// socket of the host's takes one connection and sends "ok" and a newline through it, or
// "no", why, and what helps, each on a line of its own. kFailedPrecondition for anything
// else: a host that is away, that goes away, or that says nothing in time. `address` is
// the host's in this network.
absl::Status AwaitFirewall(const std::string& socket, const std::string& address);

}  // namespace workmux::guest
