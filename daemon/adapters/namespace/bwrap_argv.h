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
  // A second one, for a restricted network, whose first process is under it as well:
  // the sandbox's programs may take that one over.
  std::string socket_filter;
};

// RUNTIME_OPTION_UNSUPPORTED for what these sandboxes cannot have. Pure.
absl::Status CheckBwrapNetwork(SandboxNetwork network);

// What runs `spec` under bubblewrap. Pure. argv holds the sandbox's name and
// session, by which SandboxProcesses finds it again, and the command; all else,
// the environment above all, is read from inherited files. env is empty.
//
// The network is the host's, or one of its own with nothing but loopback; a firewall
// is refused (CheckBwrapNetwork). The limit on processes is RLIMIT_NPROC set inside the
// user namespace, where the kernel counts the sandbox's processes alone (since Linux
// 5.14); it does not bind a sandbox of root.
absl::StatusOr<ExecPlan> BuildBwrapPlan(const SandboxSpec& spec, const BwrapInput& input);

// Name and session of the sandbox whose argv this is, if it is one.
struct SandboxMarker {
  std::string name;
  std::string session_id;
};
std::optional<SandboxMarker> ParseMarker(const std::vector<std::string>& argv);

}  // namespace workmux::daemon
