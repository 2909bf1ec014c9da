#include "daemon/adapters/container/directory_mounts.h"

#include <sys/stat.h>

#include "common/base/path.h"
#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// What the directories alone would show there; empty: nothing of the host.
fs::path ShownAt(const fs::path& target, std::span<const Mount> directories) {
  const Mount* around = nullptr;
  for (const Mount& mount : directories) {
    const bool nearer = around == nullptr || IsWithin(mount.target, around->target);
    if (IsWithin(target, mount.target) && nearer) around = &mount;
  }
  return around == nullptr ? fs::path()
                           : around->source / target.lexically_relative(around->target);
}

}  // namespace

FileKind KindOfFile(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return FileKind::kFile;
  if (S_ISDIR(info.st_mode)) return FileKind::kDirectory;
  return info.st_size == 0 ? FileKind::kEmptyFile : FileKind::kFile;
}

absl::StatusOr<DirectoryMounts> PlanDirectoryMounts(
    std::span<const Mount> mounts, const std::function<FileKind(const fs::path&)>& kind) {
  DirectoryMounts planned;
  std::vector<std::pair<const Mount*, FileKind>> files;
  for (const Mount& mount : mounts) {
    const FileKind found = kind(mount.source);
    if (found == FileKind::kDirectory) {
      planned.mounts.push_back(mount);
    } else {
      files.emplace_back(&mount, found);
    }
  }
  for (const auto& [mount, found] : files) {
    const fs::path shown = ShownAt(mount->target, planned.mounts);
    if (!mount->writable && shown == mount->source) {
      planned.guarded.read_only.push_back(mount->target);
    } else if (!mount->writable && found == FileKind::kEmptyFile && !shown.empty()) {
      planned.guarded.hidden.push_back(mount->target);
    } else {
      return WithHint(
          WithReason(FailedPrecondition("{}: is a file, and this runtime mounts directories only",
                                        Printable(mount->source.native())),
                     "MOUNT_NEEDS_FILE"),
          "Set sandbox.container.runtime: docker.");
    }
  }
  return planned;
}

}  // namespace workmux::daemon
