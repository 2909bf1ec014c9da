#include "daemon/domain/network_reload.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "daemon/domain/network_plan.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

std::string TextOf(const egress::HostRule& rule) {
  return rule.text() + (rule.allow_private_ips ? " (private addresses too)" : "");
}

// A host that a credential alone allows, which this sandbox was started without, would
// be open to it under any key.
absl::StatusOr<egress::Policy> PolicyFor(NetworkConfig network, const SessionRecord& record) {
  std::erase_if(network.credentials, [&](const egress::CredentialRule& rule) {
    return egress::FindCredential(record.credentials, rule.host) == nullptr;
  });
  return PolicyFrom(network, record.agent_profile);
}

// What counts when a sandbox starts and stays as it is.
void WarnOfFixed(const NetworkConfig& network, const SessionRecord& record, const Env& caller,
                 std::vector<std::string>& warnings) {
  const auto warn = [&](std::string_view key) {
    warnings.push_back(
        Format("{}: sandbox.network.{} counts when it is started again", record.sandbox, key));
  };
  if (network.host_ports != record.host_ports) warn("host_ports");
  const auto home = caller.find("HOME");
  const fs::path below = home == caller.end() ? fs::path("/") : fs::path(home->second);
  if (BelowHome(network.credentials, below) != record.credentials) warn("credentials");
}

}  // namespace

std::vector<std::string> RulesAdded(const egress::Policy& before, const egress::Policy& after) {
  std::vector<std::string> added;
  for (const egress::HostRule& rule : after.rules) {
    if (std::find(before.rules.begin(), before.rules.end(), rule) == before.rules.end())
      added.push_back(TextOf(rule));
  }
  return added;
}

absl::StatusOr<NetworkReload::Result> NetworkReload::Run(const Caller& caller) {
  const MutexLock lock(mu_);
  // A project's file has no say in it, and a sandbox could have written it.
  WM_ASSIGN_OR_RETURN(const LoadedConfig loaded, deps_.config.Load(caller, "/", Worktree()));
  const NetworkConfig& network = loaded.config.sandbox.network;
  Result result;
  result.warnings = loaded.warnings;
  for (const SessionRecord& record : deps_.directory.All()) {
    if (NetworkOf(record) == SandboxNetwork::kOpen) {
      if (network.policy == NetworkPolicy::kDeny) {
        result.warnings.push_back(
            Format("{}: its network is open until it is started again", record.sandbox));
      }
      continue;
    }
    ++result.sandboxes;
    if (network.policy == NetworkPolicy::kAllow) {
      result.warnings.push_back(
          Format("{}: it stays restricted until it is started again", record.sandbox));
      continue;
    }
    WM_ASSIGN_OR_RETURN(const egress::Policy policy, PolicyFor(network, record));
    WarnOfFixed(network, record, caller.env, result.warnings);
    if (policy == record.network_policy) continue;
    WM_RETURN_IF_ERROR(deps_.egress.SetPolicy(record.id, policy));
    const auto changed = deps_.directory.SetPolicy(record.id, policy);
    if (!changed) continue;  // it has ended
    WM_RETURN_IF_ERROR(deps_.records.PutSession(*changed));
    result.changes.push_back({.session = record.id,
                              .sandbox = record.sandbox,
                              .added = RulesAdded(record.network_policy, policy),
                              .removed = RulesAdded(policy, record.network_policy)});
  }
  return result;
}

void NetworkReload::RunAndLog(const Caller& caller) {
  const absl::StatusOr<Result> result = Run(caller);
  if (!result.ok()) {
    LogError("net", Format("the rules stay as they are: {}", MessageOf(result.status())));
    return;
  }
  for (const std::string& warning : result->warnings) LogWarning("net", warning);
  LogInfo("net", Format("configuration read again: {} of {} restricted sandboxes changed",
                        result->changes.size(), result->sandboxes));
}

}  // namespace workmux::daemon
