#pragma once

#include "common/process/command_runner.h"

namespace workmux {

// Runs children whose output is captured. Each child gets its own
// process group, default signal dispositions and mask, /dev/null as stdin unless
// data is given, and no descriptor but 0, 1, 2 and those of Command::files.
class PosixCommandRunner : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const Command& command, const RunOptions& options) override;
  absl::StatusOr<ExitStatus> Stream(const Command& command, const RunOptions& options,
                                    OutputFn on_output) override;
};

// The program that `name` means under env's PATH: a name with a slash is itself.
// kNotFound when nothing executable is there.
absl::StatusOr<std::filesystem::path> FindProgram(std::string_view name, const Env& env);

// This process's environment.
Env CurrentEnv();

}  // namespace workmux
