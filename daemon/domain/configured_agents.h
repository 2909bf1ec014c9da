#pragma once

#include "daemon/config/config.h"
#include "daemon/domain/agent_launcher.h"
#include "daemon/domain/types.h"

namespace workmux::daemon {

// The agents of one configuration, started from one caller's login shell. Both
// outlive it.
class ConfiguredAgents : public AgentLauncher {
 public:
  ConfiguredAgents(const Config& config, const Caller& caller) : config_(config), caller_(caller) {}

  absl::StatusOr<std::string> CommandLine(const AgentLaunch& launch) override;
  bool IsAgentCommand(std::string_view command) override;

 private:
  const Config& config_;
  const Caller& caller_;
};

}  // namespace workmux::daemon
