#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "cli/command.h"

namespace workmux::cli {

struct RemoveOptions {
  std::vector<std::string> names;  // empty: the one the caller stands in
  bool force = false;
  bool keep_branch = false;
  bool no_hooks = false;
};

// Shows what would be lost and asks once for all; the daemon is allowed to
// discard what was shown and nothing else. Goes on after one that failed, and
// exits 1 then.
absl::StatusOr<int> RunRemove(const RemoveOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
