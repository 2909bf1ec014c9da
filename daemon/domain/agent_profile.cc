#include "daemon/domain/agent_profile.h"

#include <algorithm>

namespace workmux::daemon {
namespace {

using enum PromptForm;

constexpr AgentProfile kProfiles[] = {
    {"claude", kAfterDoubleDash, "", "", "--continue", "--dangerously-skip-permissions", true,
     ".claude", "/tmp/.claude", "", ""},
    // Refuses helper programs below /tmp, hence a directory elsewhere.
    {"codex", kAfterDoubleDash, "", "", "resume --last", "--yolo", false, ".codex",
     "/home/user/.codex", "", "CODEX_HOME"},
    {"gemini", kOptionValue, "-i", "", "--resume", "--yolo", false, ".gemini", "/tmp/.gemini", "",
     ""},
    {"agy", kOptionValue, "-i", "", "--continue", "--dangerously-skip-permissions", true,
     ".gemini/antigravity-cli", "/tmp/.gemini/antigravity-cli", "", ""},
    {"opencode", kOptionValue, "--prompt", "", "--continue", "", true, ".local/share/opencode",
     "/tmp/.local/share/opencode", ".config/opencode", ""},
    {"pi", kPositional, "", "", "--continue", "", true, ".pi/agent", "/tmp/.pi/agent", "", ""},
    {"omp", kPositional, "", "", "--continue", "", true, ".omp/agent", "/tmp/.omp/agent", "", ""},
    {"kiro-cli", kAfterDoubleDash, "", "chat", "--resume", "", false, "", "", "", ""},
    {"vibe", kAfterDoubleDash, "", "", "--continue", "--agent auto-approve", false, "", "", "", ""},
    {"copilot", kAfterDoubleDash, "", "", "", "", false, ".copilot", "/tmp/.copilot", "", ""},
};
constexpr AgentProfile kDefault = {"default", kAfterDoubleDash, "", "", "", "", false, "", "", "",
                                   ""};

}  // namespace

std::span<const AgentProfile> AgentProfiles() { return kProfiles; }

const AgentProfile& DefaultProfile() { return kDefault; }

const AgentProfile& FindProfile(std::string_view program_or_name) {
  std::string_view stem = program_or_name.substr(program_or_name.rfind('/') + 1);
  if (const std::size_t dot = stem.rfind('.'); dot != std::string_view::npos && dot > 0) {
    stem = stem.substr(0, dot);
  }
  const auto found =
      std::find_if(std::begin(kProfiles), std::end(kProfiles),
                   [&](const AgentProfile& profile) { return profile.name == stem; });
  return found == std::end(kProfiles) ? kDefault : *found;
}

}  // namespace workmux::daemon
