#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "cli/command.h"

namespace workmux::cli {

struct MergeOptions {
  std::string name;  // empty: the one the caller stands in
  std::string into;
  std::string message;
  bool rebase = false;
  bool squash = false;
  bool keep = false;
  bool cleanup = false;
  bool ignore_uncommitted = false;
  bool no_verify = false;
  bool no_hooks = false;
};

absl::StatusOr<int> RunMerge(const MergeOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
