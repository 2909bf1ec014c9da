#pragma once

// Which agent a pane runs, and the shell line that starts it. Pure.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/domain/agent_profile.h"

namespace workmux::daemon {

// A user's command line, cut around its program: "env A=1 ", "claude", " --verbose".
// The pieces are shell text as the user wrote it and joined give the whole again.
struct CommandLine {
  std::string before;   // env with its flags, and assignments
  std::string program;  // empty when there is none that a look can tell
  std::string after;
};
CommandLine SplitCommandLine(std::string_view text);

struct ResolvedAgent {
  std::string name;     // key in `agents`, else the program's stem or profile
  CommandLine command;  // never without a program or text
  std::vector<std::string> args;
  std::map<std::string, std::variant<std::string, EnvFrom>> env;
  const AgentProfile* profile = nullptr;  // static, never null
};

// `choice` (of the command line, empty: none) before the configuration's agent
// before claude; the outcome is looked up in `agents`, which may shadow known names.
ResolvedAgent ResolveAgent(const Config& config, std::string_view choice);

struct AgentCommandOptions {
  // Relative to the pane's directory. The program gets the file's content.
  std::optional<std::filesystem::path> prompt_file;
  bool prompt_by_name = false;  // the agent is told the file instead of its content
  bool resume = false;
  bool sandboxed = false;            // adds what turns permission questions off
  std::string extra_args;            // shell text after the agent's own arguments
  bool login_shell_is_posix = true;  // else the line is wrapped in `sh -c`
};

// One line for sh, bash, zsh, and with login_shell_is_posix false for fish too.
// It carries no leading space. Whatever a prompt holds, it is one argument that
// the program cannot take for an option.
std::string BuildAgentCommand(const ResolvedAgent& agent, const AgentCommandOptions& options);

}  // namespace workmux::daemon
