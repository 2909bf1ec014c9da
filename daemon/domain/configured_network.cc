#include "daemon/domain/configured_network.h"

#include "common/base/status.h"
#include "daemon/domain/agent_command.h"
#include "daemon/domain/network_plan.h"

namespace workmux::daemon {

absl::StatusOr<std::optional<RestrictedNetwork>> ConfiguredNetwork(Git& git, ConfigGate& config,
                                                                   const Caller& caller) {
  const absl::StatusOr<Worktree> here = git.Locate(caller.cwd);
  // Outside of a repository the user's own configuration is all there is.
  if (!here.ok() && ReasonOf(here.status()) != "NOT_A_GIT_REPOSITORY") return here.status();
  WM_ASSIGN_OR_RETURN(const LoadedConfig loaded,
                      config.Load(caller, caller.cwd, here.ok() ? *here : Worktree()));
  const NetworkConfig& network = loaded.config.sandbox.network;
  if (network.policy == NetworkPolicy::kAllow) return std::nullopt;
  WM_ASSIGN_OR_RETURN(egress::Policy policy,
                      PolicyFrom(network, ResolveAgent(loaded.config, {}).profile->name));
  return RestrictedNetwork{std::move(policy), network.credentials};
}

}  // namespace workmux::daemon
