#pragma once

#include <optional>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/domain/config_gate.h"
#include "daemon/egress/credential_rule.h"
#include "daemon/egress/egress_policy.h"
#include "daemon/ports/git.h"

namespace workmux::daemon {

struct RestrictedNetwork {
  egress::Policy policy;
  std::vector<egress::CredentialRule> credentials;
};

// What the caller's configuration allows the configured agent to reach from a sandbox;
// nullopt: everything.
absl::StatusOr<std::optional<RestrictedNetwork>> ConfiguredNetwork(Git& git, ConfigGate& config,
                                                                   const Caller& caller);

}  // namespace workmux::daemon
