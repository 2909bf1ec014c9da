#pragma once

#include <absl/status/statusor.h>

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/types.h"

namespace workmux::daemon {

struct AddWorktreeSpec {
  std::filesystem::path path;
  std::string branch;
  bool create_branch = false;
  std::string base;  // a commit-ish, only with create_branch
  Env env;           // the caller's
};

// What git was told to do and has not finished.
struct GitOperation {
  std::string name;    // "rebase", "am", "merge", "cherry-pick", "revert", "bisect"; empty: none
  std::string branch;  // short name of the branch that it holds while HEAD is detached; often empty
};

struct WorktreeChanges {
  bool staged = false;
  bool unstaged = false;
  bool untracked = false;
  bool conflicted = false;
  std::string operation;           // "rebase", "merge", "cherry-pick", … when one is under way
  std::vector<std::string> lines;  // porcelain v1 lines, at most 20
  std::size_t count = 0;
  bool clean() const { return count == 0 && operation.empty(); }
};

struct Commit {
  std::string id;
  std::string subject;
};

// Git repositories of the user. Blocking, thread-safe. Every process runs
// hardened (no hooks, no fsmonitor, explicit GIT_DIR and GIT_WORK_TREE, names
// behind --end-of-options) except where a method says that it runs as the user.
class Git {
 public:
  virtual ~Git() = default;

  // The worktree that contains `dir`, from files alone. A .git pointer is
  // believed only when its admin directory points back at it. Errors:
  // NOT_A_GIT_REPOSITORY, BARE_REPOSITORY, FORGED_WORKTREE (kFailedPrecondition).
  virtual absl::StatusOr<Worktree> Locate(const std::filesystem::path& dir) = 0;
  // Main worktree first. No process unless refs are stored as reftable.
  virtual absl::StatusOr<std::vector<Worktree>> ListWorktrees(const Repository& repository) = 0;

  // Runs as the user's git would (see below): checking out runs the filters and
  // the post-checkout hook that the user set up. All or nothing: after an error
  // neither the worktree nor a branch made for it is left.
  // kAlreadyExists: BRANCH_EXISTS, PATH_EXISTS; kNotFound: NO_SUCH_BRANCH,
  // NO_SUCH_COMMIT; kFailedPrecondition: BRANCH_CHECKED_OUT.
  virtual absl::Status AddWorktree(const Repository& repository, const AddWorktreeSpec& spec) = 0;
  // Forgets the admin directory of a worktree whose files are gone already,
  // locked or not, and no other. kFailedPrecondition while they are there.
  virtual absl::Status ForgetWorktree(const Worktree& worktree) = 0;

  // kNotFound when it does not exist; `ref` is a full name ("refs/heads/x").
  virtual absl::StatusOr<std::string> ResolveRef(const Repository& repository,
                                                 std::string_view ref) = 0;
  // Full name -> object id of the refs below `prefix` ("refs/x/").
  virtual absl::StatusOr<std::map<std::string, std::string>> ListRefs(const Repository& repository,
                                                                      std::string_view prefix) = 0;
  // Any commit-ish; kNotFound when it names no commit.
  virtual absl::StatusOr<std::string> ResolveCommit(const Repository& repository,
                                                    std::string_view text) = 0;
  virtual absl::StatusOr<bool> BranchExists(const Repository& repository,
                                            std::string_view branch) = 0;
  // kInvalidArgument when it is no name for a branch.
  virtual absl::Status CheckBranchName(std::string_view branch) = 0;
  // Compare-and-swap; an empty old value means "must not exist", empty new deletes.
  // kAborted with REF_CHANGED when the reference had another value.
  virtual absl::Status UpdateRef(const Repository& repository, std::string_view ref,
                                 std::string_view new_id, std::string_view old_id) = 0;
  // The repository's main branch: refs/remotes/origin/HEAD, else main, else master;
  // else kNotFound.
  virtual absl::StatusOr<std::string> MainBranch(const Repository& repository) = 0;

  // Untracked files count whatever the repository's configuration says; what the
  // user's core.excludesFile ignores does not. Of the drivers of the repository's
  // configuration, and Git LFS of the user's, a worktree's .gitattributes can
  // select filter.*.clean. Git looks into a submodule only where its git directory
  // is one that the repository keeps; another nested repository counts as changed.
  virtual absl::StatusOr<WorktreeChanges> Changes(const Worktree& worktree,
                                                  std::stop_token stop) = 0;
  // From files alone, also while HEAD is detached for the operation's sake.
  virtual absl::StatusOr<GitOperation> OperationUnderWay(const Worktree& worktree) = 0;
  // Whether ignore rules cover `relative`, an untracked path of the worktree.
  virtual absl::StatusOr<bool> IsIgnored(const Worktree& worktree,
                                         const std::filesystem::path& relative) = 0;
  // Those of the `relative` paths that the worktree's index holds.
  virtual absl::StatusOr<std::vector<std::filesystem::path>> Tracked(
      const Worktree& worktree, const std::vector<std::filesystem::path>& relative) = 0;
  // Commits of `tip` that are not in `base`, newest first, at most `limit`.
  virtual absl::StatusOr<std::vector<Commit>> CommitsNotIn(const Repository& repository,
                                                           std::string_view tip,
                                                           std::string_view base,
                                                           std::size_t limit) = 0;

  // Those of the commits `tips` (object ids) that none of `bases` (the same) reaches.
  // One process for all; one commit that is not there makes it an error.
  virtual absl::StatusOr<std::set<std::string>> NotReachable(
      const Repository& repository, const std::vector<std::string>& tips,
      const std::vector<std::string>& bases) = 0;

  // The configuration file that all worktrees share, without includes. Get:
  // kNotFound when unset. Removing an absent section is no error.
  virtual absl::StatusOr<std::string> GetConfig(const Repository& repository,
                                                std::string_view key) = 0;
  virtual absl::Status SetConfig(const Repository& repository, std::string_view key,
                                 std::string_view value) = 0;
  virtual absl::Status RemoveConfigSection(const Repository& repository,
                                           std::string_view section) = 0;

  // The next five run as the user's own git would, with the caller's environment:
  // hooks (unless no_verify), filters and merge drivers of the repository are the
  // user's, and are unwritable for sandboxes. A conflict or a hook that refuses is
  // kAborted and leaves the target as it was; Rebase leaves the rebase in progress.
  // What cannot begin (local changes in the way, another operation under way) is
  // kFailedPrecondition. A squash without changes makes no commit and is OK.
  struct MergeStep {
    Worktree worktree;  // where the command runs
    std::string commitish;
    std::string message;  // squash only; when empty, made from the commits' subjects
    bool no_verify = false;
    Env env;  // the caller's
  };
  virtual absl::Status Switch(const Worktree& worktree, std::string_view branch,
                              const Env& env) = 0;
  virtual absl::Status Merge(const MergeStep& step) = 0;
  virtual absl::Status SquashMerge(const MergeStep& step) = 0;
  virtual absl::Status Rebase(const MergeStep& step) = 0;

  // user.name and user.email as they are in effect for the worktree; empty when unset.
  struct Identity {
    std::string name;
    std::string email;
  };
  virtual absl::StatusOr<Identity> GetIdentity(const Worktree& worktree, const Env& env) = 0;
};

}  // namespace workmux::daemon
