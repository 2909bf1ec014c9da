#include "daemon/domain/worktree_state_trash.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/io/tree.h"
#include "daemon/domain/trash_lifetime.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Two worktrees of one place within a second need two names.
constexpr int kAttempts = 100;

// Names in `dir`; none when it is absent.
absl::StatusOr<std::vector<std::string>> NamesIn(const fs::path& dir) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator entries(dir, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    names.push_back(entries->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return ErrnoStatus(error.value(), dir.string());
  return names;
}

// False also when it cannot be told.
bool WorktreeIsGone(const fs::path& root) {
  const auto identity = ReadFile(root / "meta/identity");
  if (!identity.ok()) return false;
  // The repository, the worktree, its admin directory and which one it was; a
  // path with a line break in it leaves more, and is not understood.
  const std::vector<std::string> lines = SplitLines(*identity);
  if (lines.size() != 4) return false;
  std::error_code error;
  if (!fs::is_directory(lines[0], error)) return false;
  return fs::symlink_status(lines[2], error).type() == fs::file_type::not_found;
}

}  // namespace

absl::Status MoveToStateTrash(const fs::path& root, std::int64_t now_unix) {
  std::error_code error;
  if (!fs::exists(root, error))
    return error ? ErrnoStatus(error.value(), root.string()) : absl::OkStatus();
  const fs::path trash = root.parent_path() / "trash";
  WM_RETURN_IF_ERROR(MakePrivateDirectory(trash));
  for (int i = 0; i < kAttempts; ++i) {
    const fs::path place = trash / Format("{}.{}", root.filename().string(), now_unix + i);
    if (::renameat2(AT_FDCWD, root.c_str(), AT_FDCWD, place.c_str(), RENAME_NOREPLACE) == 0)
      return absl::OkStatus();
    if (errno != EEXIST) return ErrnoStatus(errno, place.string());
  }
  return ResourceExhausted("{}: no free name to move '{}' to", trash.string(), root.string());
}

absl::StatusOr<std::size_t> TrashOrphans(const fs::path& base, std::int64_t now_unix) {
  std::error_code error;
  if (!fs::is_directory(base, error)) return std::size_t{0};
  WM_ASSIGN_OR_RETURN(const FileLock lock, FileLock::Acquire(base / "lock"));
  WM_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(base));
  std::size_t moved = 0;
  for (const std::string& name : names) {
    if (!WorktreeIsGone(base / name)) continue;
    WM_RETURN_IF_ERROR(MoveToStateTrash(base / name, now_unix));
    ++moved;
  }
  return moved;
}

absl::StatusOr<std::size_t> PruneStateTrash(const fs::path& base, std::int64_t now_unix) {
  const fs::path trash = base / "trash";
  WM_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(trash));
  std::size_t deleted = 0;
  for (const std::string& name : names) {
    if (!IsExpired(TrashTime(name, '.'), now_unix)) continue;
    WM_RETURN_IF_ERROR(RemoveTree(trash, name));
    ++deleted;
  }
  return deleted;
}

}  // namespace workmux::daemon
