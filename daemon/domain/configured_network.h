#pragma once

#include <optional>

#include <absl/status/statusor.h>

#include "daemon/domain/config_gate.h"
#include "daemon/egress/egress_policy.h"
#include "daemon/ports/git.h"

namespace workmux::daemon {

// What the caller's configuration allows the configured agent to reach from a sandbox;
// nullopt: everything.
absl::StatusOr<std::optional<egress::Policy>> ConfiguredNetwork(Git& git, ConfigGate& config,
                                                                const Caller& caller);

}  // namespace workmux::daemon
