#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/config/config.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/egress/credential_rule.h"
#include "daemon/egress/egress_policy.h"
#include "daemon/egress/host_port.h"
#include "daemon/ports/sandbox_backend.h"

namespace workmux::daemon {

// Beside the bridge's socket.
inline constexpr char kProxySocket[] = "proxy.sock";
inline constexpr char kFirewallSocket[] = "firewall.sock";

// How a sandbox's network is restricted, and to what.
struct NetworkPlan {
  SandboxNetwork network = SandboxNetwork::kOpen;
  egress::Policy policy;
  std::vector<egress::HostPort> host_ports;
  std::vector<egress::CredentialRule> credentials;
  std::vector<std::string> warnings;
};

// Open where the policy allows everything. Starts no process. Errors:
// NETWORK_NOT_RESTRICTABLE, where this backend cannot do what the policy asks for: such
// a sandbox is not made. `agent` is a profile's name.
absl::StatusOr<NetworkPlan> PlanNetwork(const NetworkConfig& config, SandboxBackend& backend,
                                        std::string_view agent, const std::filesystem::path& home);

// What the rules of a configuration allow; of no use where its policy is allow.
absl::StatusOr<egress::Policy> PolicyFrom(const NetworkConfig& config, std::string_view agent);

// A policy as text for the database, and back; kDataLoss for what PolicyToText did not
// write.
std::string PolicyToText(const egress::Policy& policy);
absl::StatusOr<egress::Policy> PolicyFromText(std::string_view text);
// Files that are written with "~/" are below `home`.
std::vector<egress::CredentialRule> BelowHome(std::vector<egress::CredentialRule> rules,
                                              const std::filesystem::path& home);
// The same of credential rules; what they name is not read.
std::string CredentialsToText(const std::vector<egress::CredentialRule>& rules);
absl::StatusOr<std::vector<egress::CredentialRule>> CredentialsFromText(std::string_view text);

}  // namespace workmux::daemon
