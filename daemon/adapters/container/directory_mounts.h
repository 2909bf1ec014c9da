#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "daemon/adapters/container/run_argv.h"
#include "daemon/domain/sandbox_spec.h"

namespace workmux::daemon {

enum class FileKind { kDirectory, kEmptyFile, kFile };

// Of what stands at the path; a device without content counts as an empty file.
FileKind KindOfFile(const std::filesystem::path& path);

// The mounts of a sandbox for a runtime that mounts nothing but directories.
struct DirectoryMounts {
  std::vector<Mount> mounts;
  GuardedFiles guarded;
};

// A read-only file that one of the directories shows at its place anyway becomes a
// read-only path of the container, an empty one in the place of another a hidden
// path. Pure but for `kind`. kFailedPrecondition (MOUNT_NEEDS_FILE) for any other.
absl::StatusOr<DirectoryMounts> PlanDirectoryMounts(
    std::span<const Mount> mounts,
    const std::function<FileKind(const std::filesystem::path&)>& kind);

}  // namespace workmux::daemon
