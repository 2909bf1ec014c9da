#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/adapters/namespace/host_skeleton.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/types.h"

namespace workmux::daemon {

// One of SandboxSpec::programs as it is on the host.
struct ProgramView {
  std::filesystem::path path;
  std::optional<std::string> link_target;  // set when it is a symbolic link
};

struct BwrapInput {
  std::filesystem::path bwrap;    // absolute
  std::filesystem::path prlimit;  // absolute, visible in the sandbox
  HostSkeleton skeleton;
  std::vector<ProgramView> programs;
  std::string seccomp;  // BPF program; empty: no filter
};

// What runs `spec` under bubblewrap. Pure. argv holds the sandbox's name and
// session, by which SandboxProcesses finds it again, and the command; all else,
// the environment above all, is read from inherited files. env is empty.
//
// The network is the host's. The limit on processes is RLIMIT_NPROC set inside
// the user namespace, where the kernel counts the sandbox's processes alone
// (since Linux 5.14); it does not bind a sandbox of root.
absl::StatusOr<ExecPlan> BuildBwrapPlan(const SandboxSpec& spec, const BwrapInput& input);

// Name and session of the sandbox whose argv this is, if it is one.
struct SandboxMarker {
  std::string name;
  std::string session_id;
};
std::optional<SandboxMarker> ParseMarker(const std::vector<std::string>& argv);

}  // namespace workmux::daemon
