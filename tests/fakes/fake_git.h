#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/ports/git.h"

namespace workmux::test {

// One repository in memory: commits, refs and configuration. The directories of
// its worktrees are real, so that what works on files can be tested with it.
class FakeGit : public daemon::Git {
 public:
  // Makes <root>/repo with an empty .git and one commit on `main`.
  explicit FakeGit(const std::filesystem::path& root);

  const daemon::Repository& repository() const { return repository_; }
  // A further commit on the branch; gives its id.
  std::string CommitOn(const std::string& branch, const std::string& subject);
  std::string Ref(const std::string& ref) const;  // empty: none
  void SetRef(const std::string& ref, const std::string& id);
  void DeleteRef(const std::string& ref) { refs_.erase(ref); }
  void SetBranchOf(const std::filesystem::path& worktree, const std::string& branch);
  void SetLocked(const std::filesystem::path& worktree) { Find(worktree)->locked = true; }
  void MakeDirty(const std::filesystem::path& worktree, daemon::WorktreeChanges changes);
  // As a rebase that stopped: HEAD is detached from the worktree's branch.
  void StopRebase(const std::filesystem::path& worktree);
  bool HasWorktree(const std::filesystem::path& worktree);
  std::set<std::string> refs_named(const std::string& prefix) const;
  std::map<std::string, std::string>& config() { return config_; }
  void set_conflicting(bool conflicting) { conflicting_ = conflicting; }
  void set_ignored(bool ignored) { ignored_ = ignored; }

  // The next call of `method` after `skip` more fails with `status`.
  void FailNext(const std::string& method, absl::Status status, int skip = 0);

  absl::StatusOr<daemon::Worktree> Locate(const std::filesystem::path& dir) override;
  absl::StatusOr<std::vector<daemon::Worktree>> ListWorktrees(const daemon::Repository&) override;
  absl::Status AddWorktree(const daemon::Repository&, const daemon::AddWorktreeSpec& spec) override;
  absl::Status ForgetWorktree(const daemon::Worktree& worktree) override;
  absl::StatusOr<std::string> ResolveRef(const daemon::Repository&, std::string_view ref) override;
  absl::StatusOr<std::map<std::string, std::string>> ListRefs(const daemon::Repository&,
                                                              std::string_view prefix) override;
  absl::StatusOr<std::string> ResolveCommit(const daemon::Repository&, std::string_view) override;
  absl::StatusOr<bool> BranchExists(const daemon::Repository&, std::string_view branch) override;
  absl::Status CheckBranchName(std::string_view branch) override;
  absl::Status UpdateRef(const daemon::Repository&, std::string_view ref, std::string_view new_id,
                         std::string_view old_id) override;
  absl::StatusOr<std::string> MainBranch(const daemon::Repository&) override;
  absl::StatusOr<daemon::WorktreeChanges> Changes(const daemon::Worktree& worktree,
                                                  std::stop_token stop) override;
  absl::StatusOr<daemon::GitOperation> OperationUnderWay(const daemon::Worktree&) override;
  absl::StatusOr<bool> IsIgnored(const daemon::Worktree&, const std::filesystem::path&) override;
  absl::StatusOr<std::vector<std::filesystem::path>> Tracked(
      const daemon::Worktree&, const std::vector<std::filesystem::path>& relative) override;
  absl::StatusOr<std::vector<daemon::Commit>> CommitsNotIn(const daemon::Repository&,
                                                           std::string_view tip,
                                                           std::string_view base,
                                                           std::size_t limit) override;
  absl::StatusOr<std::set<std::string>> NotReachable(
      const daemon::Repository&, const std::vector<std::string>& tips,
      const std::vector<std::string>& bases) override;
  absl::StatusOr<std::string> GetConfig(const daemon::Repository&, std::string_view key) override;
  absl::Status SetConfig(const daemon::Repository&, std::string_view key,
                         std::string_view value) override;
  absl::Status RemoveConfigSection(const daemon::Repository&, std::string_view section) override;
  absl::Status Switch(const daemon::Worktree& worktree, std::string_view branch,
                      const Env& env) override;
  absl::Status Merge(const MergeStep& step) override;
  absl::Status SquashMerge(const MergeStep& step) override;
  absl::Status Rebase(const MergeStep& step) override;
  absl::StatusOr<Identity> GetIdentity(const daemon::Worktree&, const Env&) override;

  std::string last_squash_message;
  std::size_t reachability_questions = 0;  // calls of NotReachable

 private:
  struct Node {
    std::string subject;
    std::vector<std::string> parents;
  };
  struct Fault {
    absl::Status status;
    int skip = 0;
  };

  absl::Status Enter(const std::string& method);
  daemon::Worktree* Find(const std::filesystem::path& worktree);
  std::string NewCommit(const std::string& subject, std::vector<std::string> parents);
  std::string IdOf(std::string_view text) const;
  std::set<std::string> Ancestors(const std::string& id) const;

  daemon::Repository repository_;
  std::vector<daemon::Worktree> worktrees_;
  std::map<std::string, Node> commits_;
  std::map<std::string, std::string, std::less<>> refs_;
  std::map<std::string, std::string> config_;
  std::map<std::filesystem::path, daemon::WorktreeChanges> changes_;
  std::map<std::filesystem::path, std::string> rebased_;  // worktree -> branch
  Mutex mu_;                                              // listings ask several questions at once
  std::map<std::string, Fault> faults_ WM_GUARDED_BY(mu_);
  bool conflicting_ = false;
  bool ignored_ = true;
  unsigned next_id_ = 1;
};

}  // namespace workmux::test
