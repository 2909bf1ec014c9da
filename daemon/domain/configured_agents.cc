#include "daemon/domain/configured_agents.h"

#include <set>

#include "common/process/env.h"
#include "daemon/domain/agent_command.h"

namespace workmux::daemon {

absl::StatusOr<std::string> ConfiguredAgents::CommandLine(const AgentLaunch& launch) {
  ResolvedAgent agent = ResolveAgent(config_, launch.agent);
  if (!launch.literal.empty()) {
    agent.command = SplitCommandLine(launch.literal);
    agent.args.clear();
    agent.env.clear();
    agent.profile = &FindProfile(agent.command.program);
  }
  const std::set<std::string> posix_shells = {"sh", "bash", "zsh", "dash", "ksh", "ash"};
  const bool posix =
      launch.sandboxed || posix_shells.contains(LoginShellOf(caller_.env).filename().string());
  return BuildAgentCommand(agent, {.prompt_file = launch.prompt_file,
                                   .prompt_by_name = launch.prompt_by_name,
                                   .resume = launch.continue_conversation,
                                   // A literal command line is run as it was typed.
                                   .sandboxed = launch.sandboxed && launch.literal.empty(),
                                   .extra_args = launch.extra,
                                   .login_shell_is_posix = posix});
}

bool ConfiguredAgents::IsAgentCommand(std::string_view command) {
  const std::string program = SplitCommandLine(command).program;
  if (program.empty()) return false;
  if (IsKnown(FindProfile(program))) return true;
  return std::filesystem::path(program).stem() ==
         std::filesystem::path(ResolveAgent(config_, {}).command.program).stem();
}

}  // namespace workmux::daemon
