#include "daemon/domain/network_plan.h"

#include <algorithm>
#include <array>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/sandbox_environment.h"
#include "daemon/egress/presets.h"

namespace workmux::daemon {
namespace {

constexpr std::string_view kPrivate = " private";
// In the order of SniMode.
constexpr auto kSniWords = std::to_array<std::string_view>({"enforce", "log", "off"});

bool Contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

absl::Status AddPresets(const NetworkConfig& config, std::string_view agent,
                        std::vector<egress::HostRule>& rules) {
  for (const std::string& named : config.presets) {
    const std::string_view preset = named == "{agent}" ? agent : std::string_view(named);
    for (const std::string_view host : egress::PresetHosts(preset)) {
      WM_ASSIGN_OR_RETURN(egress::HostRule rule,
                          egress::ParseHostRule(host, /*allow_private_ips=*/false));
      if (std::find(rules.begin(), rules.end(), rule) == rules.end())
        rules.push_back(std::move(rule));
    }
  }
  return absl::OkStatus();
}

void AddNoEffect(std::string_view key, NetworkPlan& plan) {
  plan.warnings.push_back(
      Format("sandbox.network.{} has no effect while sandbox.network.policy is allow", key));
}

absl::Status CheckVariables(const std::vector<egress::CredentialRule>& credentials) {
  for (std::size_t i = 0; i < credentials.size(); ++i) {
    const std::string& name = credentials[i].variable;
    if (name.empty()) continue;
    WM_RETURN_IF_ERROR(
        Annotate(CheckEnvironmentName(name), Format("sandbox.network.credentials[{}].env", i)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NetworkPlan> PlanNetwork(const NetworkConfig& config, SandboxBackend& backend,
                                        std::string_view agent, const std::filesystem::path& home) {
  NetworkPlan plan;
  if (config.policy == NetworkPolicy::kAllow) {
    if (!config.host_ports.empty()) AddNoEffect("host_ports", plan);
    if (!config.credentials.empty()) AddNoEffect("credentials", plan);
    return plan;
  }
  plan.network = config.enforcement == NetworkEnforcement::kFirewall ? SandboxNetwork::kFirewalled
                                                                     : SandboxNetwork::kIsolated;
  if (const absl::Status possible = backend.CheckNetwork(plan.network); !possible.ok()) {
    return WithHint(
        WithReason(FailedPrecondition("sandbox.network.policy: deny: {}", MessageOf(possible)),
                   "NETWORK_NOT_RESTRICTABLE"),
        HintOf(possible));
  }
  WM_ASSIGN_OR_RETURN(plan.policy, PolicyFrom(config, agent));
  plan.host_ports = config.host_ports;
  WM_RETURN_IF_ERROR(CheckVariables(config.credentials));
  plan.credentials = BelowHome(config.credentials, home);
  if (Contains(config.presets, "{agent}") && egress::PresetHosts(agent).empty()) {
    plan.warnings.push_back(
        Format("sandbox.network.presets: {} has no preset; name the hosts of its model in "
               "allowed_domains",
               agent));
  }
  return plan;
}

absl::StatusOr<egress::Policy> PolicyFrom(const NetworkConfig& config, std::string_view agent) {
  egress::Policy policy;
  policy.sni = config.sni;
  policy.rules = config.allowed_domains;
  WM_RETURN_IF_ERROR(AddPresets(config, agent, policy.rules));
  for (const egress::CredentialRule& credential : config.credentials) {
    if (egress::FindRule(policy.rules, credential.host) == nullptr)
      policy.rules.push_back({.host = credential.host});
  }
  return policy;
}

std::string PolicyToText(const egress::Policy& policy) {
  std::string text(kSniWords[static_cast<std::size_t>(policy.sni)]);
  for (const egress::HostRule& rule : policy.rules)
    text += Format("\n{}{}", rule.text(), rule.allow_private_ips ? kPrivate : "");
  return text;
}

absl::StatusOr<egress::Policy> PolicyFromText(std::string_view text) {
  const std::vector<std::string> lines = Split(text, '\n');
  egress::Policy policy;
  const auto sni = std::find(kSniWords.begin(), kSniWords.end(), lines[0]);
  if (sni == kSniWords.end()) return DataLoss("a policy of the network is not understood");
  policy.sni = static_cast<egress::SniMode>(sni - kSniWords.begin());
  for (std::size_t i = 1; i < lines.size(); ++i) {
    std::string_view host = lines[i];
    const bool is_private = host.ends_with(kPrivate);
    if (is_private) host.remove_suffix(kPrivate.size());
    absl::StatusOr<egress::HostRule> rule = egress::ParseHostRule(host, is_private);
    if (!rule.ok()) return DataLoss("a rule of the network is not understood");
    policy.rules.push_back(*std::move(rule));
  }
  return policy;
}

}  // namespace workmux::daemon
