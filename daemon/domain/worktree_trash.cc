#include "daemon/domain/worktree_trash.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>

#include "common/base/status.h"
#include "daemon/domain/worktree_naming.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Two removals of one name within a second need two names.
constexpr int kAttempts = 100;

}  // namespace

absl::StatusOr<fs::path> MoveToTrash(const fs::path& worktree, std::int64_t unix_seconds) {
  for (int i = 0; i < kAttempts; ++i) {
    const fs::path trash =
        worktree.parent_path() / TrashName(worktree.filename().string(), unix_seconds + i);
    if (::renameat2(AT_FDCWD, worktree.c_str(), AT_FDCWD, trash.c_str(), RENAME_NOREPLACE) == 0) {
      return trash;
    }
    if (errno != EEXIST) return ErrnoStatus(errno, "rename " + worktree.string());
  }
  return AlreadyExists("no free name to move '{}' to", worktree.string());
}

absl::Status RestoreFromTrash(const fs::path& trash, const fs::path& worktree) {
  if (::renameat2(AT_FDCWD, trash.c_str(), AT_FDCWD, worktree.c_str(), RENAME_NOREPLACE) == 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus(errno, "rename " + trash.string());
}

}  // namespace workmux::daemon
