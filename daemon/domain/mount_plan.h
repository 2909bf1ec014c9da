#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <span>
#include <vector>

#include "common/base/path.h"
#include "daemon/config/config.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/types.h"

namespace workmux::daemon {

// Where things of ours stand in every sandbox.
inline constexpr char kGuestBinDir[] = "/run/workmux/bin";        // the guest program, read-only
inline constexpr char kGuestBridgeDir[] = "/run/workmux/bridge";  // the bridge's sockets, read-only

struct MountPlanInput {
  Worktree worktree;
  // True: the host's whole common git directory, read-write. False: the
  // repository that `git_mounts` brings covers it.
  bool share_git = false;
  std::vector<Mount> git_mounts;
  // Read-only at their own paths: what the host's git would follow or run in if
  // the sandbox could write it, such as other worktrees of the repository that
  // lie inside a mounted one.
  std::vector<std::filesystem::path> protected_paths;
  std::vector<Mount> agent_mounts;      // credentials and settings, from the agent's profile
  std::filesystem::path guest_bin_dir;  // on the host; empty: not mounted
  std::filesystem::path bridge_dir;     // on the host; empty: a sandbox without a bridge
  std::vector<Mount> extra_mounts;      // the user's `extra_mounts` (extra_mounts.h)
  MainWorktreeAccess main_worktree = MainWorktreeAccess::kReadWrite;
  // Host files (canonical) that read as empty wherever one of the mounts shows them.
  std::vector<std::filesystem::path> masked_files;
};

// What stands in the place of a masked file.
inline constexpr char kMaskSource[] = "/dev/null";

// What a sandbox sees of the host, in the order in which it has to be mounted:
// a directory before what lies in it, equal mounts once. The worktree and, unless
// main_worktree says otherwise, the main worktree (for links into it) are
// read-write at their own paths. A directory
// above a worktree, git directory, protected path or mask is a mount of its own, because
// the kernel refuses to rename only what is a mount point itself. Pure:
// paths are expected to be canonical already. Errors (kInvalidArgument or
// kPermissionDenied): MOUNT_PATH_INVALID, MOUNT_CONFLICT (two things at one
// target), MOUNT_RESERVED (over /proc or our own directories), MOUNT_EXPOSES_GIT
// (host's git metadata writable without share_git), MOUNT_EXPOSES_ENGINE.
absl::StatusOr<std::vector<Mount>> PlanMounts(const MountPlanInput& input);

// Those of the files (canonical) that would be read through one of the mounts but
// for a mask. The others may change as they like.
std::vector<std::filesystem::path> FilesShownBy(std::span<const Mount> mounts,
                                                std::span<const std::filesystem::path> files);

}  // namespace workmux::daemon
