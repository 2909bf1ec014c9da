#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace workmux::daemon {

// A mount that the backend makes by itself in each of its sandboxes.
struct OwnMount {
  std::filesystem::path target;
  bool below = false;      // whatever lies below `target` too
  std::string filesystem;  // as mountinfo names it; empty: any
  bool read_only = false;  // it has to be
  bool required = false;
  std::uint64_t size = 0;      // bytes, of a tmpfs: at most; 0: not limited
  bool no_privileges = false;  // mounted nosuid and nodev, mount(8)
};

// What a backend adds to a sandbox and the limits that it holds, as they can be
// seen from inside: what is expected beside the SandboxSpec. An unset limit is none.
struct SandboxMakeup {
  std::vector<OwnMount> mounts;
  // Mounts that the engine has for directories declared by the image have this in
  // their root's path; empty: none.
  std::string volumes;
  std::optional<std::uint64_t> processes;       // of the cgroup
  std::optional<std::uint64_t> user_processes;  // RLIMIT_NPROC
  std::optional<std::uint64_t> memory;          // bytes
  std::optional<std::uint64_t> memory_and_swap;
  std::optional<double> cpus;
  bool host_groups = false;           // the user's further groups stay, without a number
  bool own_kernel = false;            // what it shows of the kernel cannot be compared
  bool outside_probe = false;         // PlanProbe enters from outside (ProbeRequest::outsider)
  std::vector<std::string> weakened;  // limits that were asked for and are not held
};

struct SandboxProvenance {
  std::string text;                    // equal texts: equal sandboxes of equal specs
  std::vector<std::string> variables;  // names, that the image sets
};

}  // namespace workmux::daemon
