#include "daemon/domain/mount_plan.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/base/status.h"
#include "daemon/domain/engine_sockets.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Over these a mount would take away what the sandbox itself relies on.
constexpr auto kReservedTrees =
    std::to_array<std::string_view>({"/proc", "/sys", "/dev", "/run/workmux"});
constexpr auto kReservedDirs = std::to_array<std::string_view>(
    {"/", "/run", "/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64"});

// By its name, wherever it lies: connecting works on a read-only mount too.
bool IsEngineSocket(const fs::path& source) {
  return std::any_of(kEngineSockets.begin(), kEngineSockets.end(), [&](std::string_view socket) {
    return fs::path(socket).filename() == source.filename();
  });
}

absl::Status CheckPath(const fs::path& path) {
  const std::string& text = path.native();
  const bool has_control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (path.is_absolute() && path == path.lexically_normal() && !has_control)
    return absl::OkStatus();
  return WithHint(
      WithReason(InvalidArgument("{}: not a plain absolute path", text), "MOUNT_PATH_INVALID"),
      "Use an absolute path without `..`, a trailing slash or control characters.");
}

absl::Status CheckExtraTarget(const fs::path& target) {
  const bool reserved =
      std::any_of(kReservedTrees.begin(), kReservedTrees.end(),
                  [&](std::string_view dir) { return IsWithin(target, dir); }) ||
      std::find(kReservedDirs.begin(), kReservedDirs.end(), target.native()) != kReservedDirs.end();
  if (!reserved) return absl::OkStatus();
  return WithHint(WithReason(InvalidArgument("{}: nothing may be mounted there", target.native()),
                             "MOUNT_RESERVED"),
                  "Choose another guest_path for this entry of extra_mounts.");
}

absl::Status CheckExtraMount(const Mount& mount, const MountPlanInput& input) {
  WM_RETURN_IF_ERROR(CheckExtraTarget(mount.target));
  if (IsEngineSocket(mount.source)) {
    return WithHint(
        WithReason(PermissionDenied("{}: a container engine's socket gives the whole host away",
                                    mount.source.native()),
                   "MOUNT_EXPOSES_ENGINE"),
        "Remove this entry from extra_mounts.");
  }
  const fs::path& git = input.worktree.repository.common_dir;
  if (input.share_git || !mount.writable || git.empty()) return absl::OkStatus();
  if (IsWithin(mount.source, git) || IsWithin(git, mount.source)) {
    return WithHint(
        WithReason(
            PermissionDenied("{}: a writable mount would open the repository's git directory {}",
                             mount.source.native(), git.native()),
            "MOUNT_EXPOSES_GIT"),
        "Make the entry of extra_mounts read-only or set sandbox.git: shared.");
  }
  return absl::OkStatus();
}

// Without share_git something else must stand where the host's git directory
// would show through one of the worktrees.
absl::Status CheckGitCovered(const std::vector<Mount>& mounts, const fs::path& git) {
  // The mount that decides what stands at the git directory's path: the deepest.
  const Mount* shown = nullptr;
  for (const Mount& mount : mounts) {
    if (IsWithin(git, mount.target)) shown = &mount;
  }
  if (shown == nullptr || shown->source != shown->target || !shown->writable)
    return absl::OkStatus();
  return WithReason(
      FailedPrecondition("{}: the host's git directory would be writable in the sandbox",
                         git.native()),
      "MOUNT_EXPOSES_GIT");
}

// The mount in which `target` lies, the deepest of them; none: nullptr.
const Mount* MountAround(const fs::path& target, const std::vector<Mount>& mounts) {
  const Mount* outer = nullptr;
  for (const Mount& mount : mounts) {
    const bool nearer = outer == nullptr || IsWithin(mount.target, outer->target);
    if (mount.target != target && IsWithin(target, mount.target) && nearer) outer = &mount;
  }
  return outer;
}

// Makes every directory between `target` and the writable mount it lies in a
// mount point: renamed, it would take the mount along and free its place for a
// forgery.
void PinAncestors(const fs::path& target, std::vector<Mount>& mounts) {
  const Mount* outer = MountAround(target, mounts);
  if (outer == nullptr || !outer->writable) return;
  const Mount from = *outer;
  for (fs::path dir = target.parent_path(); dir != from.target; dir = dir.parent_path()) {
    mounts.push_back({from.source / dir.lexically_relative(from.target), dir, true});
  }
}

// A mask for every place at which a mount shows one of the files.
std::vector<Mount> MasksFor(const std::vector<fs::path>& files, const std::vector<Mount>& mounts) {
  std::vector<Mount> masks;
  for (const fs::path& file : files) {
    for (const Mount& mount : mounts) {
      if (!IsWithin(file, mount.source)) continue;
      fs::path target = file == mount.source ? mount.target
                                             : mount.target / file.lexically_relative(mount.source);
      // Where a deeper mount covers the place, that one decides what is seen.
      const Mount* around = MountAround(target, mounts);
      if (around == &mount || target == mount.target) {
        masks.push_back({kMaskSource, std::move(target), false});
      }
    }
  }
  return masks;
}

}  // namespace

absl::StatusOr<std::vector<Mount>> PlanMounts(const MountPlanInput& input) {
  const Repository& repository = input.worktree.repository;
  std::vector<Mount> mounts = {{input.worktree.path, input.worktree.path, true}};
  const bool is_main = repository.main_worktree == input.worktree.path;
  if (!repository.main_worktree.empty() && !is_main &&
      input.main_worktree != MainWorktreeAccess::kNone) {
    mounts.push_back({repository.main_worktree, repository.main_worktree,
                      input.main_worktree == MainWorktreeAccess::kReadWrite});
  }
  if (input.share_git) mounts.push_back({repository.common_dir, repository.common_dir, true});
  mounts.insert(mounts.end(), input.git_mounts.begin(), input.git_mounts.end());
  for (const fs::path& path : input.protected_paths) mounts.push_back({path, path, false});
  std::vector<fs::path> pinned = input.protected_paths;
  pinned.push_back(input.worktree.path);
  for (const Mount& mount : input.git_mounts) pinned.push_back(mount.target);
  for (const fs::path& target : pinned) PinAncestors(target, mounts);
  mounts.insert(mounts.end(), input.agent_mounts.begin(), input.agent_mounts.end());
  for (const Mount& mount : input.extra_mounts) {
    WM_RETURN_IF_ERROR(CheckExtraMount(mount, input));
    mounts.push_back(mount);
  }
  for (const Mount& mask : MasksFor(input.masked_files, mounts)) {
    PinAncestors(mask.target, mounts);
    mounts.push_back(mask);
  }
  if (!input.guest_bin_dir.empty()) mounts.push_back({input.guest_bin_dir, kGuestBinDir, false});
  if (!input.bridge_dir.empty()) mounts.push_back({input.bridge_dir, kGuestBridgeDir, false});

  for (const Mount& mount : mounts) {
    WM_RETURN_IF_ERROR(CheckPath(mount.source));
    WM_RETURN_IF_ERROR(CheckPath(mount.target));
  }
  // path's order compares component by component, which puts parents first.
  std::stable_sort(mounts.begin(), mounts.end(),
                   [](const Mount& a, const Mount& b) { return a.target < b.target; });
  mounts.erase(std::unique(mounts.begin(), mounts.end()), mounts.end());
  for (std::size_t i = 1; i < mounts.size(); ++i) {
    if (mounts[i].target != mounts[i - 1].target) continue;
    return WithHint(
        WithReason(
            InvalidArgument("{} and {} are both to be mounted at {}", mounts[i - 1].source.native(),
                            mounts[i].source.native(), mounts[i].target.native()),
            "MOUNT_CONFLICT"),
        "Remove the entry of extra_mounts that names this path.");
  }
  if (!input.share_git) WM_RETURN_IF_ERROR(CheckGitCovered(mounts, repository.common_dir));
  return mounts;
}

std::vector<fs::path> FilesShownBy(std::span<const Mount> mounts, std::span<const fs::path> files) {
  std::vector<fs::path> shown;
  for (const fs::path& file : files) {
    const bool is_shown = std::any_of(mounts.begin(), mounts.end(), [&](const Mount& mount) {
      return IsWithin(file, mount.source);
    });
    if (is_shown) shown.push_back(file);
  }
  return shown;
}

}  // namespace workmux::daemon
