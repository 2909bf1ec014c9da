#include "daemon/domain/restricted_spec.h"

#include <string>

#include "common/base/status.h"
#include "daemon/domain/mount_plan.h"

namespace workmux::daemon {

absl::Status CheckRestricted(const SandboxSpec& spec) {
  if (spec.network == SandboxNetwork::kOpen) return absl::OkStatus();
  const bool enters = spec.argv.size() > 2 &&
                      spec.argv[0] == std::string(kGuestBinDir) + "/workmux" &&
                      spec.argv[1] == "enter" && spec.env.contains(kRestrictedVariable);
  const bool waits = spec.network != SandboxNetwork::kFirewalled ||
                     (!spec.firewall.address.empty() && spec.env.contains(kFirewallVariable));
  if (enters && waits) return absl::OkStatus();
  return Internal("{}: a restricted sandbox whose command nothing restricts", spec.name);
}

}  // namespace workmux::daemon
