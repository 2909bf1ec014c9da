#pragma once

#include <absl/status/statusor.h>

#include <cstddef>

#include "cli/command.h"

namespace workmux::cli {

// None of these but start and restart starts a daemon.

struct DaemonStatusOptions {
  bool json = false;
};
// Exits 1 when no daemon runs.
absl::StatusOr<int> RunDaemonStatus(const DaemonStatusOptions& options, const CommandEnv& env);

absl::StatusOr<int> RunDaemonStart(const CommandEnv& env);

struct DaemonStopOptions {
  bool sandboxes = false;  // end them too; otherwise they go on
};
// Returns once the process has ended. Not running is success.
absl::StatusOr<int> RunDaemonStop(const DaemonStopOptions& options, const CommandEnv& env);

absl::StatusOr<int> RunDaemonRestart(const CommandEnv& env);

struct DaemonLogsOptions {
  std::size_t lines = 50;
  bool follow = false;
};
absl::StatusOr<int> RunDaemonLogs(const DaemonLogsOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
