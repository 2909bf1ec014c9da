#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <vector>

#include "common/process/command.h"
#include "daemon/config/config.h"
#include "daemon/domain/sandbox_spec.h"

namespace workmux::daemon {

// What of the host no sandbox is given, whatever `extra_mounts` says.
struct OffLimits {
  std::filesystem::path home;                // itself and what is above it
  std::vector<std::filesystem::path> trees;  // these, what is in them and above them
};

// The kernel's file systems, and where the sockets of container engines, tmux,
// D-Bus, ssh-agent and of this user's services lie, by the caller's environment;
// `own` are the daemon's directories and the user's configuration of workmux.
OffLimits OffLimitsFor(const Env& caller, const std::filesystem::path& home, uid_t uid,
                       std::vector<std::filesystem::path> own);

// `extra_mounts` as mounts: "~" expanded, links on the host's side followed, the
// guest's path the host's as it was written unless another is named. Looks at the
// file system. Errors name the entry: MOUNT_SOURCE_MISSING, MOUNT_EXPOSES_HOME,
// MOUNT_OFF_LIMITS, MOUNT_EXPOSES_SOCKET (any socket: whoever listens there works
// for the sandbox then).
absl::StatusOr<std::vector<Mount>> ResolveExtraMounts(const std::vector<ExtraMount>& mounts,
                                                      const OffLimits& off_limits);

}  // namespace workmux::daemon
