#include "daemon/domain/image_recipes.h"

#include <algorithm>
#include <array>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

constexpr auto kAgents =
    std::to_array<std::string_view>({"claude", "codex", "gemini", "opencode", "pi", "omp"});

constexpr std::string_view kHead =
    "# Change what you like, build it, and name it in sandbox.image:\n"
    "#\n"
    "#     docker build -t my-sandbox -f Dockerfile.sandbox .\n"
    "\n";

}  // namespace

std::span<const std::string_view> ImageAgents() { return kAgents; }

absl::Status CheckImageAgent(std::string_view agent) {
  if (std::find(kAgents.begin(), kAgents.end(), agent) != kAgents.end()) return absl::OkStatus();
  const std::vector<std::string> names(kAgents.begin(), kAgents.end());
  return WithHint(WithReason(InvalidArgument("there is no image for the agent '{}', only for {}",
                                             Printable(agent), Join(names, ", ")),
                             "AGENT_WITHOUT_IMAGE"),
                  "Choose one with --agent, or write your own Dockerfile and set sandbox.image.");
}

absl::StatusOr<std::string> MergedRecipe(std::string_view agent) {
  WM_RETURN_IF_ERROR(CheckImageAgent(agent));
  std::string merged(kHead);
  merged += RecipeText("base");
  merged += '\n';
  for (const std::string& line : SplitLines(RecipeText(agent))) {
    if (!line.starts_with("FROM ") && !line.starts_with("ARG BASE=")) merged += line + "\n";
  }
  return merged;
}

}  // namespace workmux::daemon
