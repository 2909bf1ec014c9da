#include "daemon/domain/worktree_state.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

#include "common/base/fnv.h"
#include "common/base/status.h"
#include "common/io/file.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// A short name, not a proof; the identity file is compared.
std::string HashOf(const Worktree& worktree) {
  return FnvHash()
      .Add(worktree.repository.common_dir.native())
      .Add("\n")
      .Add(worktree.path.native())
      .Hex();
}

std::string PlaceOf(const Worktree& worktree) {
  return Format("{}\n{}\n{}\n", worktree.repository.common_dir.string(), worktree.path.string(),
                worktree.git_dir.string());
}

absl::Status AnotherWorktrees(const fs::path& root) {
  return NotFound("{}: made for another worktree", root.string());
}

}  // namespace

fs::path WorktreeStatePath(const fs::path& base, const Worktree& worktree) {
  return base / HashOf(worktree);
}

absl::StatusOr<std::string> WorktreeIdentity(const Worktree& worktree) {
  struct statx info {};
  if (::statx(AT_FDCWD, worktree.git_dir.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME,
              &info) != 0) {
    return ErrnoStatus(errno, worktree.git_dir.string());
  }
  const bool born = (info.stx_mask & STATX_BTIME) != 0;
  return PlaceOf(worktree) + Format("{} {}.{}\n", info.stx_ino, born ? info.stx_btime.tv_sec : 0,
                                    born ? info.stx_btime.tv_nsec : 0);
}

absl::Status CheckWorktreeState(const fs::path& root, const Worktree& worktree) {
  WM_ASSIGN_OR_RETURN(const std::string identity, WorktreeIdentity(worktree));
  WM_ASSIGN_OR_RETURN(const std::string recorded, ReadFile(root / "meta/identity"));
  return recorded == identity ? absl::OkStatus() : AnotherWorktrees(root);
}

absl::Status CheckRemovedWorktreeState(const fs::path& root, const Worktree& worktree) {
  struct stat info {};
  if (::lstat(worktree.git_dir.c_str(), &info) == 0)
    return NotFound("{}: is still there", worktree.git_dir.string());
  if (errno != ENOENT) return ErrnoStatus(errno, worktree.git_dir.string());
  WM_ASSIGN_OR_RETURN(const std::string recorded, ReadFile(root / "meta/identity"));
  return recorded.starts_with(PlaceOf(worktree)) ? absl::OkStatus() : AnotherWorktrees(root);
}

}  // namespace workmux::daemon
