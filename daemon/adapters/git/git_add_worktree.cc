#include <unistd.h>

#include <optional>
#include <thread>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/adapters/git/git_cli.h"
#include "daemon/adapters/git/git_command.h"
#include "daemon/adapters/git/porcelain.h"
#include "daemon/adapters/git/ref_name.h"
#include "daemon/adapters/git/repository_lock.h"
#include "daemon/adapters/git/worktree_files.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

// Long enough for the checkout of a large repository.
constexpr std::chrono::minutes kCheckoutTimeout{15};

absl::Status CheckPath(const fs::path& path) {
  if (!path.is_absolute())
    return InvalidArgument("not an absolute path: '{}'", Printable(path.string()));
  std::error_code error;
  const fs::file_status status = fs::symlink_status(path, error);
  if (status.type() == fs::file_type::not_found) return absl::OkStatus();
  if (status.type() == fs::file_type::directory && fs::is_empty(path, error) && !error) {
    return absl::OkStatus();
  }
  return WithReason(AlreadyExists("{}: already exists", Printable(path.string())), "PATH_EXISTS");
}

absl::Status BranchTaken(std::string_view branch) {
  return WithReason(AlreadyExists("a branch '{}' already exists", Printable(branch)),
                    "BRANCH_EXISTS");
}

// Holds the repository's lock while git makes the admin directory and the
// branch, and not while it checks out. HEAD gets its branch after all else that
// another git could meet half-made.
class LockUntilRegistered {
 public:
  LockUntilRegistered(FileLock lock, fs::path path, std::string branch)
      : lock_(std::move(lock)),
        watcher_([this, path = std::move(path), branch = std::move(branch)](
                     const std::stop_token& stop) { Watch(stop, path, branch); }) {}

 private:
  void Watch(const std::stop_token& stop, const fs::path& path, const std::string& branch) {
    constexpr std::chrono::milliseconds kInterval{1};
    std::error_code error;
    const fs::path root = fs::weakly_canonical(path, error);
    while (!stop.stop_requested()) {
      const auto made = LocateWorktree(root);
      if (made.ok() && made->worktree.path == root && made->worktree.branch == branch) {
        lock_.reset();
        return;
      }
      std::this_thread::sleep_for(kInterval);
    }
  }

  std::optional<FileLock> lock_;
  std::jthread watcher_;  // the only one that touches lock_ while it runs
};

}  // namespace

absl::Status GitCli::AddWorktree(const Repository& repository, const AddWorktreeSpec& spec) {
  WM_RETURN_IF_ERROR(CheckBranch(spec.branch));
  WM_RETURN_IF_ERROR(CheckPath(spec.path));
  if (spec.create_branch) WM_RETURN_IF_ERROR(CheckRevision(spec.base));
  WM_ASSIGN_OR_RETURN(FileLock lock, LockRepository(repository.common_dir));
  WM_ASSIGN_OR_RETURN(const bool exists, BranchExists(repository, spec.branch));
  if (spec.create_branch && exists) return BranchTaken(spec.branch);
  if (!spec.create_branch && !exists) {
    return WithReason(NotFound("no branch '{}'", Printable(spec.branch)), "NO_SUCH_BRANCH");
  }

  // The git directory is named, so that no .git file in a worktree is followed.
  // `git worktree add` hands branch and base to `git branch` without any
  // --end-of-options, hence the checks above.
  std::vector<std::string> arguments = {"--git-dir=" + repository.common_dir.string(), "worktree",
                                        "add"};
  if (spec.create_branch) arguments.insert(arguments.end(), {"--no-track", "-b", spec.branch});
  arguments.insert(arguments.end(),
                   {"--", spec.path.string(), spec.create_branch ? spec.base : spec.branch});
  const Command command = UserGit(repository.common_dir, spec.env, std::move(arguments));
  RunOptions options;
  options.timeout = kCheckoutTimeout;
  absl::StatusOr<CommandResult> result;
  {
    const LockUntilRegistered held(std::move(lock), spec.path, spec.branch);
    result = runner_.Run(command, options);
  }
  if (result.ok() && result->exit.ok()) return absl::OkStatus();
  const absl::Status failure = result.ok() ? GitFailed("worktree add", *result) : result.status();
  UndoAdd(repository, spec);
  return ExplainFailedAdd(repository, spec, failure);
}

// git cleans up after most failures by itself, but keeps the branch, and keeps
// everything when only the post-checkout hook failed.
void GitCli::UndoAdd(const Repository& repository, const AddWorktreeSpec& spec) {
  const auto made = LocateWorktree(spec.path);
  std::error_code error;
  const fs::path canonical = fs::weakly_canonical(spec.path, error);
  if (made.ok() && !made->worktree.is_main && made->worktree.path == canonical &&
      made->worktree.repository.common_dir == repository.common_dir) {
    fs::remove_all(spec.path, error);
    fs::remove_all(made->worktree.git_dir, error);
  }
  if (!spec.create_branch) return;
  const std::string ref = "refs/heads/" + spec.branch;
  const auto id = ResolveRef(repository, ref);
  const auto base = ResolveCommit(repository, spec.base);
  // A branch that has moved on is someone's work by now.
  if (id.ok() && base.ok() && *id == *base) (void)UpdateRef(repository, ref, "", *id);
}

absl::Status GitCli::ExplainFailedAdd(const Repository& repository, const AddWorktreeSpec& spec,
                                      absl::Status failure) {
  if (spec.create_branch) {
    const absl::Status base = ResolveCommit(repository, spec.base).status();
    if (base.code() == absl::StatusCode::kNotFound) return base;
    return failure;
  }
  const auto worktrees = ListWorktrees(repository);
  if (!worktrees.ok()) return failure;
  for (const Worktree& worktree : *worktrees) {
    if (worktree.branch != spec.branch) continue;
    return WithHint(
        WithReason(FailedPrecondition("branch '{}' is checked out at {}", Printable(spec.branch),
                                      Printable(worktree.path.string())),
                   "BRANCH_CHECKED_OUT"),
        "Open that worktree, or choose another branch.");
  }
  return failure;
}

absl::Status GitCli::ForgetWorktree(const Worktree& worktree) {
  const fs::path admin_dirs = worktree.repository.common_dir / "worktrees";
  if (worktree.is_main || worktree.git_dir.parent_path() != admin_dirs ||
      worktree.git_dir.filename().empty() || worktree.git_dir.filename() == "." ||
      worktree.git_dir.filename() == "..") {
    return InvalidArgument("{}: not a linked worktree", Printable(worktree.path.string()));
  }
  WM_ASSIGN_OR_RETURN(const FileLock lock, LockRepository(worktree.repository.common_dir));
  // The id may have been given to a new worktree since the caller looked.
  auto root = BackPointer(worktree.git_dir);
  if (root.status().code() == absl::StatusCode::kNotFound) root = worktree.path;
  if (!root.ok()) return root.status();
  std::error_code error;
  const fs::file_status left = fs::symlink_status(worktree.path / ".git", error);
  if (*root != worktree.path || left.type() != fs::file_type::not_found) {
    return WithReason(
        FailedPrecondition("{}: the worktree is still there", Printable(worktree.path.string())),
        "WORKTREE_EXISTS");
  }
  // What `git worktree prune` does for one entry: neither command of git's can be
  // told to leave the others alone and to take a path that is gone altogether.
  fs::remove_all(worktree.git_dir, error);
  if (error) return ErrnoStatus(error.value(), worktree.git_dir.string());
  ::rmdir(admin_dirs.c_str());
  return absl::OkStatus();
}

}  // namespace workmux::daemon
