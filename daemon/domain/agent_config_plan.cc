#include "daemon/domain/agent_config_plan.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <variant>

#include "common/base/path.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/agent_files.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAgentPlaceholder = "{agent}";
// The original's HOME in a container.
constexpr char kContainerHome[] = "/tmp";
constexpr char kClaude[] = "claude";
constexpr char kClaudeFile[] = ".claude.json";

// A directory there would hide what the sandbox itself relies on.
constexpr auto kSystemTrees = std::to_array<std::string_view>(
    {"/proc", "/sys", "/dev", "/run", "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64"});

absl::Status Invalid(std::string_view key, const fs::path& path, std::string_view why) {
  return WithHint(
      WithReason(InvalidArgument("{}: {}: {}", key, Printable(path.native()), why),
                 "AGENT_DIR_INVALID"),
      "Name an absolute directory that holds the settings of one agent and nothing else.");
}

absl::StatusOr<fs::path> CheckDirectory(std::string_view key, std::string text,
                                        const fs::path& home) {
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  const fs::path path(text);
  const bool has_control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (!path.is_absolute() || text != path.lexically_normal().native() || has_control)
    return Invalid(key, path, "not a plain absolute path");
  if (IsWithin(home, path)) return Invalid(key, path, "holds the home directory");
  const bool system = std::any_of(kSystemTrees.begin(), kSystemTrees.end(),
                                  [&](std::string_view tree) { return IsWithin(path, tree); });
  if (system || path == kContainerHome) return Invalid(key, path, "belongs to the system");
  return path;
}

// The agent's own environment, where it is written out. A value that is taken
// from a variable is that of the sandbox, and names nothing on the host.
std::string DirectoryInEnvironment(const ResolvedAgent& agent, std::string_view variable) {
  const auto found = variable.empty() ? agent.env.end() : agent.env.find(std::string(variable));
  if (found == agent.env.end()) return {};
  const auto* value = std::get_if<std::string>(&found->second);
  return value == nullptr ? std::string() : *value;
}

// A name that is one harmless component of a path, or nothing.
std::string DirectoryName(std::string_view agent) {
  const bool plain =
      !agent.empty() && agent[0] != '.' && std::all_of(agent.begin(), agent.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
               std::string_view("._-").find(c) != std::string_view::npos;
      });
  return plain ? std::string(agent) : std::string();
}

absl::StatusOr<fs::path> ConfiguredDirectory(const AgentConfigInput& input, std::string_view name) {
  std::string text = input.sandbox.agent_config_dir;
  if (text.starts_with("~/")) text = input.home.string() + text.substr(1);
  for (auto at = text.find(kAgentPlaceholder); at != std::string::npos;
       at = text.find(kAgentPlaceholder, at + name.size())) {
    text.replace(at, kAgentPlaceholder.size(), name);
  }
  return CheckDirectory("sandbox.agent_config_dir", std::move(text), input.home);
}

void AddClaudeFile(const AgentConfigInput& input, AgentConfigPlan& plan) {
  plan.seed_file = input.home / ".claude-sandbox.json";
  plan.seed_dir = input.home / ".claude-sandbox-config";
  // With CLAUDE_CONFIG_DIR in its environment claude keeps the file in there.
  if (plan.target_from_environment) return;
  plan.seed_target = (input.container ? fs::path(kContainerHome) : input.home) / kClaudeFile;
  plan.seed_dir_target = fs::path(kContainerHome) / ".claude-sandbox-config";
}

}  // namespace

absl::StatusOr<std::optional<AgentConfigPlan>> PlanAgentConfig(const AgentConfigInput& input) {
  const AgentProfile& profile = *input.agent.profile;
  const std::string name =
      DirectoryName(IsKnown(profile) ? profile.name : std::string_view(input.agent.name));
  const fs::path home_inside = input.container ? fs::path(kContainerHome) : input.home;

  AgentConfigPlan plan;
  plan.profile = name;
  plan.shared = input.sandbox.agent_config == AgentConfigMode::kShared;
  const std::string_view variable = FilesOf(profile.name).dir_variable;
  if (const std::string text = DirectoryInEnvironment(input.agent, variable); !text.empty()) {
    const std::string key = Format("agents.{}.env.{}", input.agent.name, variable);
    WM_ASSIGN_OR_RETURN(plan.host_dir, CheckDirectory(key, text, input.home));
    plan.target = plan.host_dir;
    plan.target_from_environment = true;
  } else if (name.empty() || (profile.host_dir.empty() && input.sandbox.agent_config_dir.empty())) {
    return std::nullopt;
  } else if (!input.sandbox.agent_config_dir.empty()) {
    WM_ASSIGN_OR_RETURN(plan.host_dir, ConfiguredDirectory(input, name));
  } else {
    plan.host_dir = input.home / profile.host_dir;
  }
  if (!plan.target_from_environment) {
    const fs::path own =
        profile.host_dir.empty() ? fs::path("." + name) : fs::path(profile.host_dir);
    plan.target = input.container && !profile.container_dir.empty()
                      ? fs::path(profile.container_dir)
                      : home_inside / own;
  }
  if (!profile.read_only_dir.empty()) {
    plan.settings_dir = input.home / profile.read_only_dir;
    plan.settings_target = home_inside / profile.read_only_dir;
  }
  if (profile.name == kClaude) AddClaudeFile(input, plan);
  return plan;
}

}  // namespace workmux::daemon
