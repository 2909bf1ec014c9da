#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <string_view>

#include "daemon/domain/types.h"

namespace workmux::daemon {

// Bytes; more would not be read by any agent.
inline constexpr std::size_t kMaxPromptBytes = 5u << 20;

// Linux takes no argument of more than 32 pages (execve(2), MAX_ARG_STRLEN).
inline constexpr std::size_t kMaxPromptArgument = 120u << 10;  // bytes

// Writes the prompt to <worktree>/.workmux/PROMPT-<slug>.md byte for byte and
// gives its path relative to the worktree. A guest may have made `.workmux`:
// when it is a link or no directory, that is an error and nothing is written.
absl::StatusOr<std::filesystem::path> WritePromptFile(const Worktree& worktree,
                                                      std::string_view prompt);

// Makes git ignore `.workmux/` in every worktree of the repository: one line in
// <common>/info/exclude, added once.
absl::Status ExcludeWorkmuxDirectory(const Repository& repository);

}  // namespace workmux::daemon
