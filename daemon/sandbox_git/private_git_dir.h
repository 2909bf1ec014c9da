#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "common/io/file.h"
#include "common/process/command_runner.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/types.h"

namespace workmux::daemon {

// The git directory that the sandboxes of one worktree see in place of the
// host's. It lives as long as the worktree:
//
//   <state>/git/<hash>/       0700, never mounted
//     dir/                    what the guest owns and may fill with anything
//     meta/identity           which worktree this is
//     meta/followed           the host's refs as the guest was last told (packed-refs)
//     meta/base               "<id> <branch>": the branch as host and guest last agreed
//     meta/export/            the repository that imports are read through
//     meta/empty, meta/lock
//
// A value that holds paths; copies mean the same directory. Sandboxes of one
// worktree share it, as panes share a checkout.
class PrivateGitDir {
 public:
  // Creates it, or finds it again. `caller` is whose git configuration
  // (identity, ignore files) is taken over. A directory that was made for an
  // earlier worktree at the same path is put into <state>/git/trash. Errors:
  // FORGED_WORKTREE when the worktree's .git is not a pointer to its admin
  // directory.
  static absl::StatusOr<PrivateGitDir> Ensure(CommandRunner& runner, const Worktree& worktree,
                                              const std::filesystem::path& state_dir,
                                              const Env& caller, std::stop_token stop);
  // kNotFound when the worktree has none yet.
  static absl::StatusOr<PrivateGitDir> Find(const Worktree& worktree,
                                            const std::filesystem::path& state_dir);
  // That of a worktree which is gone by now; kNotFound also while it is there.
  static absl::StatusOr<PrivateGitDir> FindRemoved(const Worktree& worktree,
                                                   const std::filesystem::path& state_dir);

  // For the sandbox, after the mount of the worktree itself. The host's object
  // directories are looked up when this is called.
  absl::StatusOr<std::vector<Mount>> Mounts() const;
  // The host's object directories, read-only: for jails.
  absl::StatusOr<std::vector<Mount>> ObjectMounts() const;

  const std::filesystem::path& path() const { return dir_; }
  const std::filesystem::path& meta() const { return meta_; }
  // Below path(): "" for the main checkout, else "worktrees/<id>".
  const std::filesystem::path& admin() const { return admin_; }

  // Serialises imports and follows, also between processes.
  absl::StatusOr<FileLock> Lock() const { return FileLock::Acquire(meta_ / "lock"); }

  // The branch's value as host and guest last agreed; kNotFound for a branch
  // that they never shared.
  absl::StatusOr<std::string> Base(const std::string& branch) const;
  absl::Status SetBase(const std::string& branch, const std::string& id) const;

  // Moves it to the trash (worktree_state_trash.h). Idempotent.
  absl::Status MoveToTrash() const;
  // Deletes it, with every commit, stash and reflog that was never imported.
  absl::Status Remove() const;

 private:
  PrivateGitDir(const Worktree& worktree, const std::filesystem::path& root);

  Worktree worktree_;
  std::filesystem::path root_;
  std::filesystem::path dir_;
  std::filesystem::path meta_;
  std::filesystem::path admin_;
};

}  // namespace workmux::daemon
