#include "common/process/command_runner.h"

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux {
namespace {

constexpr std::size_t kShownStderrLines = 5;

std::string LastLines(std::string_view text) {
  const auto lines = SplitLines(Trim(text));
  const std::size_t first = lines.size() > kShownStderrLines ? lines.size() - kShownStderrLines : 0;
  std::string shown;
  for (std::size_t i = first; i < lines.size(); ++i) {
    if (!shown.empty()) shown += "; ";
    shown += Printable(lines[i]);
  }
  return shown;
}

}  // namespace

absl::Status FailedCommand(const Command& command, const CommandResult& result) {
  std::string reason = LastLines(result.err.empty() ? result.out : result.err);
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
