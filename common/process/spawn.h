#pragma once

#include <sys/types.h>

#include <optional>
#include <string_view>

#include <absl/status/statusor.h>

#include "common/base/unique_fd.h"
#include "common/process/command.h"

namespace workmux {

enum class ProcessGroup {
  kOwn,        // a group of its own, so that the whole of it can be ended
  kInherited,  // the caller's: the terminal's signals and job control reach it
  kSession,    // a session of its own: it outlives the caller's terminal
};

struct SpawnOptions {
  // What the child's 0, 1 and 2 are; none: the caller's own.
  std::optional<UniqueFd> in;
  std::optional<UniqueFd> out;
  std::optional<UniqueFd> err;
  ProcessGroup group = ProcessGroup::kOwn;
};

struct SpawnedProcess {
  pid_t pid = -1;
  UniqueFd pidfd;  // readable once the child has ended, pidfd_open(2)
};

// Starts `command` (its stdin_data is the caller's business) with default signal
// dispositions (see Command::ignore_keyboard_signals), an empty signal mask, and no descriptor but
// 0, 1, 2 and those of Command::files. kNotFound: no such program; kPermissionDenied: not
// executable.
absl::StatusOr<SpawnedProcess> SpawnProcess(const Command& command, SpawnOptions options);

// waitpid(2) for a child that has ended, or blocks until it has.
ExitStatus Reap(pid_t pid);

// An anonymous file (memfd_create(2)) with `content`, at offset 0.
absl::StatusOr<UniqueFd> AnonymousFile(std::string_view content);

}  // namespace workmux
