#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/commands/prompt_source.h"

namespace workmux::cli {

struct OpenOptions {
  std::vector<std::string> names;  // empty: the one the caller stands in, with --new
  PromptOptions prompt;
  bool new_window = false;
  bool run_hooks = false;
  bool force_files = false;
  bool continue_conversation = false;
  bool background = false;
};

// Goes on after a name that failed, and exits 1 then.
absl::StatusOr<int> RunOpen(const OpenOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
