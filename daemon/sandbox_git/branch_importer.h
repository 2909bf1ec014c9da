#pragma once

#include <absl/status/statusor.h>

#include <stop_token>
#include <string>

#include "common/process/command_runner.h"
#include "daemon/domain/types.h"
#include "daemon/sandbox_git/git_jail.h"
#include "daemon/sandbox_git/private_git_dir.h"

namespace workmux::daemon {

// Takes a worktree's branch from its private git directory into the host's
// repository. The only path by which anything written in a sandbox reaches the
// host's git. Thread-safe; blocks; one import of a worktree at a time.
//
// The host's git reads a pack from a pipe and checks every object; the pack is
// made in a jail, through a repository of ours that borrows the guest's objects,
// and read in another that has the host's objects and only this branch of its refs.
// The guest's configuration, refs, hooks and pointers are not read at all but for
// the one ref, by file.
class BranchImporter {
 public:
  struct Imported {
    std::string branch;  // short name; empty when the worktree is detached
    std::string old_id;  // empty when the branch was unborn
    std::string new_id;
    bool changed = false;
    // False when the host's index could not follow: an operation is under way
    // on the host, or something holds its lock. The branch was taken all the same.
    bool index_followed = true;
  };

  BranchImporter(CommandRunner& runner, const GitJail& jail) : runner_(runner), jail_(jail) {}

  // Costs no process when the guest's branch has not moved. The branch is the
  // one that the host's admin directory names. Errors:
  //   IMPORT_REFUSED (kFailedPrecondition): the guest's branch is gone, is no
  //     plain ref, is no commit, adds a submodule, or its objects do not check;
  //   BRANCH_DIVERGED (kAborted): the host's branch has commits that the guest's
  //     lacks; nothing was overwritten.
  absl::StatusOr<Imported> Import(const Worktree& worktree, const PrivateGitDir& dir,
                                  std::stop_token stop);

 private:
  absl::Status Fetch(const Worktree& worktree, const PrivateGitDir& dir, const Imported& wanted,
                     std::stop_token stop);
  absl::Status RefuseNewSubmodules(const Worktree& worktree, const Imported& import,
                                   std::stop_token stop);
  absl::Status Publish(const Worktree& worktree, Imported& import, std::stop_token stop);
  absl::Status SwapRef(const Worktree& worktree, const Imported& import, std::stop_token stop);
  absl::StatusOr<std::vector<std::string>> WithoutFilters(const Worktree& worktree,
                                                          std::stop_token stop);
  bool FollowIndex(const Worktree& worktree, const Imported& import, std::stop_token stop);

  CommandRunner& runner_;
  const GitJail& jail_;
};

}  // namespace workmux::daemon
