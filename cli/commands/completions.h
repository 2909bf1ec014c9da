#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "cli/command.h"

namespace workmux::cli {

// One command as completion sees it; subcommands are spelled "sandbox run".
struct CompletionEntry {
  std::string name;
  std::string summary;
  std::vector<std::string> flags;
  std::vector<std::string> words;  // fixed choices of its first argument
  bool takes_worktree = false;     // completed with `workmux _complete`
};

struct CompletionsOptions {
  std::string shell;  // bash, zsh or fish
};

absl::StatusOr<int> RunCompletions(const CompletionsOptions& options,
                                   const std::vector<CompletionEntry>& entries,
                                   const CommandEnv& env);

// The script alone; kInvalidArgument for another shell.
absl::StatusOr<std::string> CompletionScript(const std::string& shell,
                                             const std::vector<CompletionEntry>& entries);

// The worktrees' names, one a line; nothing when no daemon runs.
absl::StatusOr<int> RunComplete(const CommandEnv& env);

}  // namespace workmux::cli
