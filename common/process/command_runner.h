#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "common/process/command.h"

namespace workmux {

enum class StdStream { kOut, kErr };
using OutputFn = absl::FunctionRef<void(StdStream, std::string_view)>;

// Runs programs. Thread-safe; both calls block the calling thread.
//
// A child that ran and failed is a result, not an error. An error means that it
// could not be started (kNotFound: no such program), was stopped (kCancelled),
// ran out of time (kDeadlineExceeded) or wrote more than max_output
// (kResourceExhausted); then its whole process group has been ended.
class CommandRunner {
 public:
  virtual ~CommandRunner() = default;
  virtual absl::StatusOr<CommandResult> Run(const Command& command, const RunOptions& options) = 0;
  // Output is handed over as it comes and is not limited.
  virtual absl::StatusOr<ExitStatus> Stream(const Command& command, const RunOptions& options,
                                            OutputFn on_output) = 0;
};

// The child's stdout. A non-zero exit becomes kInternal with the last lines of
// its stderr.
absl::StatusOr<std::string> RunForOutput(CommandRunner& runner, const Command& command,
                                         const RunOptions& options);

// "git worktree add: fatal: …": the error for a child that ran and failed.
absl::Status FailedCommand(const Command& command, const CommandResult& result);

}  // namespace workmux
