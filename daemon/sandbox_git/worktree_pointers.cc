#include "daemon/sandbox_git/worktree_pointers.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPointer = 16384;

bool IsBelow(const fs::path& path, const fs::path& dir) {
  const auto [at, rest] = std::mismatch(dir.begin(), dir.end(), path.begin(), path.end());
  return !dir.empty() && at == dir.end();
}

// False for a checkout that is gone.
absl::StatusOr<bool> IsPointer(const fs::path& path, const fs::path& common_dir) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return ErrnoStatus(errno, path.string());
  }
  if (S_ISREG(info.st_mode)) return true;
  if (S_ISDIR(info.st_mode) && path == common_dir) return false;  // the repository itself
  return WithHint(
      WithReason(FailedPrecondition("{}: is no pointer file any more", Printable(path.string())),
                 "FORGED_WORKTREE"),
      "Run `git worktree repair` in the main worktree and look at what changed the file.");
}

// Where the worktrees say that their .git files are, gitrepository-layout(5).
absl::StatusOr<std::vector<fs::path>> LinkedPointers(const fs::path& common_dir) {
  std::vector<fs::path> pointers;
  const fs::path admins = common_dir / "worktrees";
  std::error_code error;
  fs::directory_iterator at(admins, error);
  if (error == std::errc::no_such_file_or_directory) return pointers;
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    const auto text = ReadFile(at->path() / "gitdir", kMaxPointer);
    if (absl::IsNotFound(text.status())) continue;  // half made or half removed
    if (!text.ok()) return text.status();
    const fs::path pointer = at->path() / std::string(Trim(*text));
    std::error_code gone;
    const fs::path checkout = fs::canonical(pointer.parent_path(), gone);
    if (gone == std::errc::no_such_file_or_directory || gone == std::errc::not_a_directory)
      continue;
    if (gone) return ErrnoStatus(gone.value(), pointer.string());
    pointers.push_back(checkout / ".git");
  }
  if (error) return ErrnoStatus(error.value(), admins.string());
  return pointers;
}

}  // namespace

absl::StatusOr<std::vector<fs::path>> VisiblePointers(const Worktree& worktree) {
  const Repository& repository = worktree.repository;
  WM_ASSIGN_OR_RETURN(std::vector<fs::path> candidates, LinkedPointers(repository.common_dir));
  candidates.push_back(worktree.path / ".git");
  if (!repository.main_worktree.empty()) candidates.push_back(repository.main_worktree / ".git");
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());

  std::vector<fs::path> pointers;
  for (const fs::path& pointer : candidates) {
    const fs::path checkout = pointer.parent_path();
    if (!IsBelow(checkout, worktree.path) && !IsBelow(checkout, repository.main_worktree)) continue;
    WM_ASSIGN_OR_RETURN(const bool is_pointer, IsPointer(pointer, repository.common_dir));
    if (is_pointer) pointers.push_back(pointer);
  }
  return pointers;
}

}  // namespace workmux::daemon
