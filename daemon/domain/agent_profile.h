#pragma once

// What is known of each agent program. Pure.

#include <span>
#include <string_view>

namespace workmux::daemon {

// How a program takes its first prompt as an argument P.
enum class PromptForm {
  kAfterDoubleDash,  // -- P
  kOptionValue,      // <prompt_option>=P
  kPositional,       // P; the program is not known to honour "--"
};

struct AgentProfile {
  std::string_view name;  // also the stem of its executable
  PromptForm prompt_form;
  std::string_view prompt_option;
  std::string_view subcommand;  // right after the program
  std::string_view resume;      // words that continue the last conversation; empty: cannot
  // Words that turn permission questions off; used in sandboxes only.
  std::string_view skip_permissions;
  // The program reports no status at its start with a prompt: it counts as working.
  bool working_at_start;
  // Settings and credentials: relative to the host's home, and where a container
  // (whose HOME is /tmp) expects them. Empty: the program has none that we know.
  std::string_view host_dir;
  std::string_view container_dir;
  // More directories, read-only, at the same path relative to each home.
  std::string_view read_only_dir;
  // A variable that names container_dir to the program.
  std::string_view dir_variable;
};

std::span<const AgentProfile> AgentProfiles();

// For programs that are in no table: "-- P", nothing else known; name "default".
const AgentProfile& DefaultProfile();

// By profile name or executable ("/opt/bin/claude.sh" is claude).
const AgentProfile& FindProfile(std::string_view program_or_name);

inline bool IsKnown(const AgentProfile& profile) { return profile.name != "default"; }

}  // namespace workmux::daemon
