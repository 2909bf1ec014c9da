#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"

namespace workmux::control::v1 {
class ListSessionsResponse;
}

namespace workmux::cli {

struct SandboxListOptions {
  bool json = false;
  bool stats = false;
};

// Every sandbox of this daemon, orphans too.
absl::StatusOr<int> RunSandboxList(const SandboxListOptions& options, const CommandEnv& env);

struct SandboxLogsOptions {
  std::string name;  // empty: the newest of this worktree
  bool follow = false;
  unsigned lines = 0;
};

absl::StatusOr<int> RunSandboxLogs(const SandboxLogsOptions& options, const CommandEnv& env);

struct SandboxStopOptions {
  std::string name;
  bool all = false;
  bool yes = false;
  std::string backend;  // "container" or "all"; empty: virtual machines
};

// Asks on a terminal which one, and before anything ends.
absl::StatusOr<int> RunSandboxStop(const SandboxStopOptions& options, const CommandEnv& env);

struct SandboxPruneOptions {
  bool force = false;
  std::string backend;
};

// Removes what nothing runs in and nobody waits for.
absl::StatusOr<int> RunSandboxPrune(const SandboxPruneOptions& options, const CommandEnv& env);

// `now` in unix seconds.
std::string SandboxTable(const control::v1::ListSessionsResponse& response, bool stats,
                         std::int64_t now);

}  // namespace workmux::cli
