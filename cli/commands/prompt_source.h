#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <optional>
#include <string>

#include "cli/client/invocation_context.h"

namespace workmux::cli {

// Where an agent's prompt comes from; at most one is set.
struct PromptOptions {
  std::optional<std::string> text;
  std::optional<std::filesystem::path> file;
  bool editor = false;
};

inline constexpr std::size_t kMaxPrompt = 8u << 20;  // bytes

// The prompt's bytes as they are, nothing when no source was named. The editor
// is $VISUAL, $EDITOR or vi, on the caller's terminal. An empty prompt is an
// error: an agent would be started with nothing to do.
absl::StatusOr<std::optional<std::string>> ReadPrompt(const PromptOptions& options,
                                                      const Invocation& invocation);

}  // namespace workmux::cli
