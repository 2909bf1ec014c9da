#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <optional>
#include <string>

#include "daemon/config/config.h"
#include "daemon/domain/agent_command.h"

namespace workmux::daemon {

// Where one agent's settings and login lie on the host and where a sandbox has
// them: the outcome of policy, nothing of it made yet.
struct AgentConfigPlan {
  std::string profile;                   // FilesOf
  bool shared = false;                   // the host's own directory, read-write
  std::filesystem::path host_dir;        // absolute; may not exist
  std::filesystem::path target;          // the path inside
  bool target_from_environment = false;  // the agent's own environment names it
  // A second directory with settings only, read-only; empty: none. Not made.
  std::filesystem::path settings_dir;
  std::filesystem::path settings_target;
  // Claude's separate configuration file. On the host a seed for sandboxes, not
  // the host's own, made when absent; empty: none. Target empty: in `target`.
  std::filesystem::path seed_file;
  std::filesystem::path seed_target;
  // The directory forms of the two, for runtimes without file mounts; the file in
  // them is claude.json.
  std::filesystem::path seed_dir;
  std::filesystem::path seed_dir_target;
  bool file_mounts = true;
};

struct AgentConfigInput {
  const ResolvedAgent& agent;
  const SandboxConfig& sandbox;
  std::filesystem::path home;  // of the host's user
  bool container = true;       // HOME is /tmp inside, else `home`
};

// Nothing for an agent of which no directory is known. The host's directory is
// what the agent's own environment in `agents` names (CLAUDE_CONFIG_DIR,
// CODEX_HOME, …), which then is the path inside too, before `agent_config_dir`,
// before the agent's default. Pure. kInvalidArgument (AGENT_DIR_INVALID) for a path
// that is not absolute and plain, or that holds the home directory.
absl::StatusOr<std::optional<AgentConfigPlan>> PlanAgentConfig(const AgentConfigInput& input);

}  // namespace workmux::daemon
