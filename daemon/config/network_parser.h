#pragma once

// Reads the values of `sandbox.network.*`. Errors carry the value's place.

#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/config/value_reader.h"
#include "daemon/egress/egress_policy.h"
#include "daemon/egress/host_port.h"

namespace workmux::daemon {

// Names, "*." and a name, or {host, allow_private_ips}; egress::ParseHostRule. Warns of
// a rule that allows more than its writer may think.
absl::StatusOr<std::vector<egress::HostRule>> ParseAllowedDomains(const ValueReader& reader,
                                                                  const YamlNode& node);
// Maps of name and port; egress::CheckHostPort, each name and each port once.
absl::StatusOr<std::vector<egress::HostPort>> ParseHostPorts(const ValueReader& reader,
                                                             const YamlNode& node);
// Names of agents, or {agent}.
absl::StatusOr<std::vector<std::string>> ParsePresets(const ValueReader& reader,
                                                      const YamlNode& node);

}  // namespace workmux::daemon
