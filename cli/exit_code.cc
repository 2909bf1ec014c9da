#include "cli/exit_code.h"

#include "common/base/status.h"

namespace workmux::cli {
namespace {

constexpr int kExitNotStarted = 125;
constexpr int kExitNotExecutable = 126;
constexpr int kExitNotFound = 127;

}  // namespace

int ExitCodeFor(const absl::Status& status, CommandKind kind) {
  if (status.ok()) return kExitOk;
  if (absl::IsCancelled(status)) return kExitInterrupted;
  if (kind == CommandKind::kRunsProgram) {
    const std::string reason = ReasonOf(status);
    if (reason == "PROGRAM_NOT_FOUND") return kExitNotFound;
    if (reason == "PROGRAM_NOT_EXECUTABLE") return kExitNotExecutable;
    return kExitNotStarted;
  }
  return absl::IsInvalidArgument(status) ? kExitUsage : kExitFailed;
}

}  // namespace workmux::cli
