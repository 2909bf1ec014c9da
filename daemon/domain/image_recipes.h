#pragma once

// The Dockerfiles of this build (packaging/images). Pure.

#include <absl/status/statusor.h>

#include <span>
#include <string>
#include <string_view>

namespace workmux::daemon {

// "base", or an agent's name; empty for any other.
std::string_view RecipeText(std::string_view name);

// The agents for which there is an image.
std::span<const std::string_view> ImageAgents();

// kInvalidArgument (AGENT_WITHOUT_IMAGE) naming those there are.
absl::Status CheckImageAgent(std::string_view agent);

// Base and agent in one Dockerfile with one FROM, to be changed by hand.
absl::StatusOr<std::string> MergedRecipe(std::string_view agent);

}  // namespace workmux::daemon
