#include "daemon/egress/presets.h"

#include <array>

namespace workmux::egress {
namespace {

// code.claude.com/docs/en/network-config, "Network access requirements".
constexpr std::string_view kClaude[] = {"api.anthropic.com", "claude.ai", "platform.claude.com"};
// developers.openai.com/codex/auth: an API key, and signing in with ChatGPT.
constexpr std::string_view kCodex[] = {"api.openai.com", "auth.openai.com", "chatgpt.com"};
// Its maker has no list (google-gemini/gemini-cli issue 4552): the endpoints of an API key
// and of signing in with Google.
constexpr std::string_view kGemini[] = {"generativelanguage.googleapis.com",
                                        "cloudcode-pa.googleapis.com", "oauth2.googleapis.com",
                                        "accounts.google.com"};
// docs.github.com/copilot, "Copilot allowlist reference".
constexpr std::string_view kCopilot[] = {
    "github.com", "api.github.com", "copilot-proxy.githubusercontent.com",
    "origin-tracker.githubusercontent.com", "*.githubcopilot.com"};
// opencode.ai/docs: its list of models and its own provider; others are named by whoever
// configures them.
constexpr std::string_view kOpencode[] = {"models.dev", "opencode.ai"};

struct Preset {
  std::string_view agent;
  std::span<const std::string_view> hosts;
};
constexpr auto kPresets = std::to_array<Preset>({
    {"claude", kClaude},
    {"codex", kCodex},
    {"copilot", kCopilot},
    {"gemini", kGemini},
    {"opencode", kOpencode},
});

}  // namespace

std::span<const std::string_view> PresetHosts(std::string_view agent) {
  for (const Preset& preset : kPresets) {
    if (preset.agent == agent) return preset.hosts;
  }
  return {};
}

std::vector<std::string_view> PresetNames() {
  std::vector<std::string_view> names;
  for (const Preset& preset : kPresets) names.push_back(preset.agent);
  return names;
}

}  // namespace workmux::egress
