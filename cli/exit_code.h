#pragma once

#include <absl/status/status.h>

namespace workmux::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitInterrupted = 130;

enum class CommandKind {
  kOrdinary,
  // Exits with its program's code, so what went wrong before is told apart as
  // `docker run` does: 125, 126 not executable, 127 not found.
  kRunsProgram,
};

int ExitCodeFor(const absl::Status& status, CommandKind kind);

}  // namespace workmux::cli
