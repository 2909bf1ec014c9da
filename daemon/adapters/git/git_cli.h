#pragma once

#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/process/command_runner.h"
#include "daemon/ports/git.h"

namespace workmux::daemon {

// Git on the repositories' files and the git program. Files are read where their
// format is documented and a process costs more than the answer; git decides
// whenever files alone do not (reftable, unusual layouts). Keeps no state.
class GitCli : public Git {
 public:
  // `user` is the environment that names the user's own git configuration, for
  // Changes (user_settings.h); empty reads none.
  explicit GitCli(CommandRunner& runner, Env user = {}) : runner_(runner), user_(std::move(user)) {}

  absl::StatusOr<Worktree> Locate(const std::filesystem::path& dir) override;
  absl::StatusOr<std::vector<Worktree>> ListWorktrees(const Repository& repository) override;
  absl::Status AddWorktree(const Repository& repository, const AddWorktreeSpec& spec) override;
  absl::Status ForgetWorktree(const Worktree& worktree) override;

  absl::StatusOr<std::string> ResolveRef(const Repository& repository,
                                         std::string_view ref) override;
  absl::StatusOr<std::map<std::string, std::string>> ListRefs(const Repository& repository,
                                                              std::string_view prefix) override;
  absl::StatusOr<std::string> ResolveCommit(const Repository& repository,
                                            std::string_view text) override;
  absl::StatusOr<bool> BranchExists(const Repository& repository, std::string_view branch) override;
  absl::Status CheckBranchName(std::string_view branch) override;
  absl::Status UpdateRef(const Repository& repository, std::string_view ref,
                         std::string_view new_id, std::string_view old_id) override;
  absl::StatusOr<std::string> MainBranch(const Repository& repository) override;

  absl::StatusOr<WorktreeChanges> Changes(const Worktree& worktree, std::stop_token stop) override;
  absl::StatusOr<GitOperation> OperationUnderWay(const Worktree& worktree) override;
  absl::StatusOr<std::vector<std::filesystem::path>> Tracked(
      const Worktree& worktree, const std::vector<std::filesystem::path>& relative) override;
  absl::StatusOr<bool> IsIgnored(const Worktree& worktree,
                                 const std::filesystem::path& relative) override;
  absl::StatusOr<std::vector<Commit>> CommitsNotIn(const Repository& repository,
                                                   std::string_view tip, std::string_view base,
                                                   std::size_t limit) override;

  absl::StatusOr<std::set<std::string>> NotReachable(
      const Repository& repository, const std::vector<std::string>& tips,
      const std::vector<std::string>& bases) override;

  absl::StatusOr<std::string> GetConfig(const Repository& repository,
                                        std::string_view key) override;
  absl::Status SetConfig(const Repository& repository, std::string_view key,
                         std::string_view value) override;
  absl::Status RemoveConfigSection(const Repository& repository, std::string_view section) override;

  absl::Status Switch(const Worktree& worktree, std::string_view branch, const Env& env) override;
  absl::Status Merge(const MergeStep& step) override;
  absl::Status SquashMerge(const MergeStep& step) override;
  absl::Status Rebase(const MergeStep& step) override;
  absl::StatusOr<Identity> GetIdentity(const Worktree& worktree, const Env& env) override;

 private:
  // Hardened, in the common directory without a worktree.
  absl::StatusOr<CommandResult> RunBare(const Repository& repository,
                                        std::vector<std::string> arguments);
  // Fills branch and head where the files did not tell.
  absl::Status AskGit(const Repository& repository, std::vector<Worktree>& worktrees);
  absl::Status WriteConfig(const Repository& repository, const std::vector<std::string>& arguments);
  absl::Status ExplainFailedAdd(const Repository& repository, const AddWorktreeSpec& spec,
                                absl::Status failure);
  void UndoAdd(const Repository& repository, const AddWorktreeSpec& spec);

  CommandRunner& runner_;
  const Env user_;
};

}  // namespace workmux::daemon
