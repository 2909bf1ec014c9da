#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace workmux::daemon {

struct AgentLaunch {
  std::string agent;    // name or command line; empty: the configured one
  std::string literal;  // a pane's own command line for the agent; empty: the profile's
  std::string extra;    // shell text that stands behind "<agent>" in the pane's command
  std::optional<std::filesystem::path> prompt_file;  // relative to the pane's directory
  bool prompt_by_name = false;  // the agent is told the file instead of its content
  bool sandboxed = false;       // adds the profile's skip-permission flag
  bool continue_conversation = false;
};

// How an agent is started. Supplied per request, because agents are configured
// where the caller stands.
class AgentLauncher {
 public:
  virtual ~AgentLauncher() = default;
  // One line for a shell.
  virtual absl::StatusOr<std::string> CommandLine(const AgentLaunch& launch) = 0;
  // Whether a literal command line starts an agent that is known.
  virtual bool IsAgentCommand(std::string_view command) = 0;
};

}  // namespace workmux::daemon
