#pragma once

#include <span>

#include <absl/status/status.h>

#include "daemon/domain/sandbox_spec.h"
#include "daemon/egress/credential_rule.h"

namespace workmux::daemon {

// That no file with a secret is one that the sandbox is shown, by a mount or with a
// program's installation, and that no name on the way to it is there, which a sandbox could
// let lead elsewhere. Links are followed as they are now. kFailedPrecondition
// (CREDENTIAL_INSIDE).
absl::Status CheckCredentialsOutside(std::span<const egress::CredentialRule> credentials,
                                     const SandboxSpec& spec);

}  // namespace workmux::daemon
