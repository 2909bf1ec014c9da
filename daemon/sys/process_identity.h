#pragma once

#include <sys/types.h>

#include <string>

#include <absl/status/statusor.h>

#include "common/base/unique_fd.h"

namespace workmux::daemon {

// A process for all time: pids are reused, a pid with its start time in one boot
// is not. Sources: /proc/PID/stat field 22 (proc(5)), /proc/sys/kernel/random/boot_id.
struct ProcessIdentity {
  pid_t pid = 0;
  std::string start_time;  // clock ticks since boot
  std::string boot_id;
  bool operator==(const ProcessIdentity&) const = default;
};

absl::StatusOr<ProcessIdentity> IdentifyProcess(pid_t pid);

// A pidfd of exactly this process; kNotFound when it has ended, another error
// when that cannot be told.
absl::StatusOr<UniqueFd> OpenProcess(const ProcessIdentity& identity);

}  // namespace workmux::daemon
