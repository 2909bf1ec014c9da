#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/domain/agent_launcher.h"
#include "daemon/ports/multiplexer.h"

namespace workmux::daemon {

struct PanePlanRequest {
  std::filesystem::path cwd;       // of every pane
  std::filesystem::path cli_path;  // what panes run as `workmux`
  std::string agent;               // chosen for this run; empty: the configured one
  std::string backend;             // sandbox backend chosen for this run
  bool sandboxed = false;
  bool no_pane_commands = false;
  bool continue_conversation = false;
  bool agent_by_default = false;  // what an absent `panes` key means
  bool has_prompt = false;
  // Relative to cwd; unset with a prompt: written to its file, given to nobody.
  std::optional<std::filesystem::path> prompt_file;
  bool prompt_by_name = false;  // the agent is told the file instead of its content
};

struct PanePlan {
  std::vector<PaneSpec> panes;
  std::string agent;       // of the first agent pane, as it was named; empty: no agent pane
  bool sandboxed = false;  // some pane runs in a sandbox
};

// Which panes a window gets and what is typed into each. A pane is wrapped in a
// sandbox when sandboxes are on and it runs an agent or the target is `all`. A pane
// without a command is a shell then, of the sandbox or of the host.
// kInvalidArgument: NO_PANE_FOR_PROMPT, PROMPT_WITHOUT_COMMANDS, BAD_PANES.
absl::StatusOr<PanePlan> PlanPanes(const Config& config, const PanePlanRequest& request,
                                   AgentLauncher& agents);

// " workmux sandbox run [--agent NAME] [--backend B] CWD -- COMMAND". The space
// in front keeps it out of the shell's history where that is set up.
std::string SandboxCommandLine(const std::filesystem::path& cli_path, const std::string& agent,
                               const std::string& backend, const std::filesystem::path& cwd,
                               const std::string& command);

// " workmux sandbox shell [--agent NAME] [--backend B]", for a pane that starts in
// the worktree.
std::string SandboxShellLine(const std::filesystem::path& cli_path, const std::string& agent,
                             const std::string& backend);

}  // namespace workmux::daemon
