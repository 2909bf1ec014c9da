#include "daemon/sandbox_git/private_git_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/domain/worktree_state.h"
#include "daemon/domain/worktree_state_trash.h"
#include "daemon/sandbox_git/file_write.h"
#include "daemon/sandbox_git/git_jail.h"
#include "daemon/sandbox_git/object_stores.h"
#include "daemon/sandbox_git/private_git_layout.h"
#include "daemon/sandbox_git/worktree_pointers.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

absl::Status Forged(const fs::path& path, std::string_view why) {
  return WithHint(
      WithReason(FailedPrecondition("{}: {}", path.string(), why), "FORGED_WORKTREE"),
      "run `git worktree repair` in the main worktree and look at what changed the file");
}

// The worktree's .git as it will be mounted must be the host's own pointer.
absl::Status CheckPointer(const Worktree& worktree) {
  const fs::path pointer = worktree.path / ".git";
  struct stat info {};
  if (::lstat(pointer.c_str(), &info) != 0) return ErrnoStatus(errno, pointer.string());
  if (S_ISDIR(info.st_mode)) {
    std::error_code error;
    const bool same = fs::equivalent(pointer, worktree.git_dir, error);
    return same && !error ? absl::OkStatus()
                          : Forged(pointer, "is not the worktree's git directory");
  }
  if (!S_ISREG(info.st_mode)) return Forged(pointer, "is neither a directory nor a pointer file");
  WM_ASSIGN_OR_RETURN(const std::string text, ReadFileBeneath(worktree.path, ".git", 16384));
  if (!text.starts_with("gitdir: ")) return Forged(pointer, "is no pointer file");
  std::error_code error;
  const fs::path target = fs::canonical(worktree.path / std::string(Trim(text.substr(8))), error);
  if (error || target != worktree.git_dir)
    return Forged(pointer, "points at another git directory");
  return absl::OkStatus();
}

absl::Status RemoveTree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  return error ? ErrnoStatus(error.value(), path.string()) : absl::OkStatus();
}

}  // namespace

PrivateGitDir::PrivateGitDir(const Worktree& worktree, const fs::path& root)
    : worktree_(worktree), root_(root), dir_(root / "dir"), meta_(root / "meta") {
  if (!worktree.is_main) admin_ = fs::path("worktrees") / worktree.git_dir.filename();
}

absl::StatusOr<PrivateGitDir> PrivateGitDir::Find(const Worktree& worktree,
                                                  const fs::path& state_dir) {
  PrivateGitDir found(worktree, WorktreeStatePath(state_dir / "git", worktree));
  WM_RETURN_IF_ERROR(CheckWorktreeState(found.root_, worktree));
  return found;
}

absl::StatusOr<PrivateGitDir> PrivateGitDir::FindRemoved(const Worktree& worktree,
                                                         const fs::path& state_dir) {
  PrivateGitDir found(worktree, WorktreeStatePath(state_dir / "git", worktree));
  WM_RETURN_IF_ERROR(CheckRemovedWorktreeState(found.root_, worktree));
  return found;
}

absl::StatusOr<PrivateGitDir> PrivateGitDir::Ensure(CommandRunner& runner, const Worktree& worktree,
                                                    const fs::path& state_dir, const Env& caller,
                                                    std::stop_token stop) {
  WM_RETURN_IF_ERROR(CheckPointer(worktree));
  WM_RETURN_IF_ERROR(MakePrivateDirectory(state_dir / "git"));
  WM_ASSIGN_OR_RETURN(const FileLock lock, FileLock::Acquire(state_dir / "git" / "lock"));
  absl::StatusOr<PrivateGitDir> found = Find(worktree, state_dir);
  if (!absl::IsNotFound(found.status())) return found;

  PrivateGitDir made(worktree, WorktreeStatePath(state_dir / "git", worktree));
  WM_RETURN_IF_ERROR(made.MoveToTrash());
  const fs::path building = made.root_.string() + ".new";
  WM_RETURN_IF_ERROR(RemoveTree(building));
  WM_RETURN_IF_ERROR(MakePrivateDirectory(building / "dir"));
  WM_RETURN_IF_ERROR(MakePrivateDirectory(building / "meta"));
  absl::Status laid_out = LayOutPrivateGit(runner, worktree, caller, building / "dir",
                                           building / "meta", std::move(stop));
  absl::StatusOr<std::string> identity = WorktreeIdentity(worktree);
  if (laid_out.ok()) laid_out = identity.status();
  if (laid_out.ok()) laid_out = WriteFileAtomically(building / "meta/identity", *identity);
  if (laid_out.ok() && ::rename(building.c_str(), made.root_.c_str()) != 0) {
    laid_out = ErrnoStatus(errno, made.root_.string());
  }
  if (!laid_out.ok()) {
    RemoveTree(building).IgnoreError();
    return Annotate(laid_out, "the sandbox's git directory");
  }
  return made;
}

absl::StatusOr<std::vector<Mount>> PrivateGitDir::ObjectMounts() const {
  WM_ASSIGN_OR_RETURN(const std::vector<fs::path> stores,
                      ObjectStores(worktree_.repository.common_dir));
  return ObjectStoreMounts(stores, meta_ / "empty");
}

absl::StatusOr<std::vector<Mount>> PrivateGitDir::Mounts() const {
  std::vector<Mount> mounts = {{dir_, worktree_.repository.common_dir, /*writable=*/true}};
  WM_ASSIGN_OR_RETURN(const std::vector<Mount> objects, ObjectMounts());
  mounts.insert(mounts.end(), objects.begin(), objects.end());
  // git-lfs looks beside each alternate for what it lacks. Not through links: a
  // sandbox that shared the repository may have made them.
  if (OpenBeneath(worktree_.repository.common_dir, "lfs/objects", O_PATH | O_DIRECTORY).ok()) {
    mounts.push_back({worktree_.repository.common_dir / "lfs/objects",
                      fs::path(kHostObjects).parent_path() / "lfs/objects", /*writable=*/false});
  }
  const fs::path modules = worktree_.git_dir / "modules";
  std::error_code error;
  if (fs::is_directory(modules, error)) mounts.push_back({modules, modules, /*writable=*/false});
  WM_RETURN_IF_ERROR(CheckPointer(worktree_));
  WM_ASSIGN_OR_RETURN(const std::vector<fs::path> pointers, VisiblePointers(worktree_));
  for (const fs::path& pointer : pointers) mounts.push_back({pointer, pointer, /*writable=*/false});
  return mounts;
}

absl::StatusOr<std::string> PrivateGitDir::Base(const std::string& branch) const {
  absl::StatusOr<std::string> base = ReadFile(meta_ / "base");
  if (!base.ok() && !absl::IsNotFound(base.status())) return base.status();
  if (base.ok()) {
    const std::size_t space = base->find(' ');
    if (space != std::string::npos && Trim(std::string_view(*base).substr(space)) == branch) {
      return base->substr(0, space);
    }
  }
  // Another branch was checked out on the host since: what the guest was told of it.
  WM_ASSIGN_OR_RETURN(const std::string followed,
                      ReadFile(meta_ / "followed", std::size_t{1} << 30));
  const std::size_t at = followed.find(" refs/heads/" + branch + "\n");
  if (at == std::string::npos)
    return NotFound("{}: never shared with the sandbox", Printable(branch));
  const std::size_t line = followed.rfind('\n', at) + 1;
  return followed.substr(line, at - line);
}

absl::Status PrivateGitDir::SetBase(const std::string& branch, const std::string& id) const {
  // Not synced: an import that a crash left unrecorded is recognised.
  return ReplaceFile(meta_ / "base", id + " " + branch + "\n");
}

absl::Status PrivateGitDir::MoveToTrash() const { return MoveToStateTrash(root_, UnixNow()); }

absl::Status PrivateGitDir::Remove() const { return RemoveTree(root_); }

}  // namespace workmux::daemon
