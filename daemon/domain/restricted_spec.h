#pragma once

#include <absl/status/status.h>

#include "daemon/domain/sandbox_spec.h"

namespace workmux::daemon {

// Tells the guest program to restrict the command's sockets (guest/enter.h).
inline constexpr char kRestrictedVariable[] = "WM_RESTRICTED";
// Tells it to wait for the firewall, and the host's address behind it.
inline constexpr char kFirewallVariable[] = "WM_FIREWALL";

// kInternal for a spec with a restricted network whose command would not enter through
// the guest program: nothing would restrict its sockets, or wait for its firewall. Pure.
absl::Status CheckRestricted(const SandboxSpec& spec);

}  // namespace workmux::daemon
