#pragma once

#include <vector>

#include <absl/status/statusor.h>

#include "daemon/config/value_reader.h"
#include "daemon/egress/credential_rule.h"

namespace workmux::daemon {

// `sandbox.network.credentials`: maps of host, header, value, file or command, env and
// allow; egress::CheckCredential, each host once. Files are absolute or begin with "~/",
// as they are written. Errors carry the value's place.
absl::StatusOr<std::vector<egress::CredentialRule>> ParseCredentials(const ValueReader& reader,
                                                                     const YamlNode& node);

}  // namespace workmux::daemon
