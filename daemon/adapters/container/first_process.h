#pragma once

#include <absl/status/status.h>
#include <sys/types.h>

#include <chrono>
#include <string_view>

namespace workmux::daemon {

// Whether /proc/PID/status and /proc/PID/mountinfo (proc(5)) are those of the first
// process in the container with this id: process 1 of a pid namespace below ours, and
// files of the engine that lie in the container's own directory mounted
// ("…/overlay-containers/ID/userdata/hosts"). Pure.
bool IsFirstProcess(std::string_view status, std::string_view mountinfo,
                    std::string_view container);

// Kills the container's first process and waits for its end, which is the end of every
// process in its pid namespace (pid_namespaces(7)). No other process is ever hit, also
// when `pid` is another's by now. OK when no process has this pid; kFailedPrecondition
// when it is not the container's, kDeadlineExceeded.
absl::Status KillFirstProcess(pid_t pid, std::string_view container,
                              std::chrono::milliseconds limit);

}  // namespace workmux::daemon
