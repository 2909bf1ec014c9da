#include "common/process/command_runner.h"

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux {
namespace {

constexpr std::size_t kShownStderrLines = 5;

}  // namespace

absl::Status FailedCommand(const Command& command, const CommandResult& result) {
  std::string reason = LastLines(result.err.empty() ? result.out : result.err, kShownStderrLines);
  if (reason.empty()) {
    reason = result.exit.signal != 0 ? Format("killed by signal {}", result.exit.signal)
                                     : Format("exit code {}", result.exit.code);
  }
  return Internal("{}: {}", command.argv.empty() ? "command" : command.argv.front(), reason);
}

absl::StatusOr<std::string> RunForOutput(CommandRunner& runner, const Command& command,
                                         const RunOptions& options) {
  WM_ASSIGN_OR_RETURN(CommandResult result, runner.Run(command, options));
  if (!result.exit.ok()) return FailedCommand(command, result);
  return std::move(result.out);
}

}  // namespace workmux
