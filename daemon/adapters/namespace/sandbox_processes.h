#pragma once

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/adapters/namespace/bwrap_argv.h"
#include "daemon/ports/sandbox_backend.h"

namespace workmux::daemon {

// One process as /proc shows it, proc(5).
struct ProcessEntry {
  pid_t pid = 0;
  pid_t parent = 0;
  uid_t uid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot: with the pid, an identity
  std::vector<pid_t> pids;       // NSpid, from our pid namespace inwards
  std::vector<std::string> argv;
  bool zombie = false;
};

// A running sandbox: bwrap outside and the first process of its pid namespace.
// Either may be missing for an instant while it starts or ends.
struct SandboxProcesses {
  SandboxMarker marker;
  ProcessEntry monitor;               // pid 0: gone
  ProcessEntry init;                  // pid 0: not there
  std::vector<ProcessEntry> members;  // all other processes below init
};

// All processes of `uid`. One that ends meanwhile is left out.
absl::StatusOr<std::vector<ProcessEntry>> ReadProcesses(uid_t uid);

// The sandboxes among `processes`. Pure. Only a process of our own pid
// namespace or the first one of a namespace below it counts, so that no process
// in a sandbox can pass for another sandbox.
std::vector<SandboxProcesses> FindSandboxes(const std::vector<ProcessEntry>& processes);

// Sends a signal unless the process has ended (its pid may be another's by now).
absl::Status SignalProcess(const ProcessEntry& process, int signal);

// Adds what one process uses: resident memory (shared pages count for each) and
// time, proc(5). Nothing when it is gone.
void AddProcessUsage(pid_t pid, SandboxUsage& usage);

// Ends every process of the sandbox: SIGTERM to its programs, SIGKILL to its
// first process after `grace`, with which the kernel ends all others. OK when
// there is none. kDeadlineExceeded (STOP_FAILED) when something is left.
absl::Status StopSandbox(std::string_view name, uid_t uid, std::chrono::milliseconds grace);

}  // namespace workmux::daemon
