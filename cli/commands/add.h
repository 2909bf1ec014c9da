#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/commands/prompt_source.h"

namespace workmux::cli {

struct AddOptions {
  std::string branch;
  std::string base;
  std::string name;
  std::string agent;
  std::string backend;
  PromptOptions prompt;
  bool background = false;
  bool sandbox = false;
  bool no_hooks = false;
  bool no_file_ops = false;
  bool no_pane_commands = false;
};

// Starts a tmux server when there is none and the caller stands outside one.
absl::StatusOr<int> RunAdd(const AddOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
