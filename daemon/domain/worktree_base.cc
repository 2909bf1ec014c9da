#include "daemon/domain/worktree_base.h"

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {

std::string BranchRef(std::string_view branch) { return "refs/heads/" + std::string(branch); }

absl::StatusOr<std::optional<std::string>> Optional(absl::StatusOr<std::string> found) {
  if (absl::IsNotFound(found.status())) return std::optional<std::string>();
  if (!found.ok()) return found.status();
  return std::optional<std::string>(std::move(*found));
}

absl::StatusOr<std::string> MainBranchName(Git& git, const Repository& repository,
                                           const Config& config) {
  if (!config.main_branch.empty()) return config.main_branch;
  return git.MainBranch(repository);
}

absl::StatusOr<BaseBranch> FindBase(const WorktreeDeps& deps, const Config& config,
                                    const Worktree& worktree) {
  const Repository& repository = worktree.repository;
  std::vector<std::string> names;
  WM_ASSIGN_OR_RETURN(const std::optional<WorktreeRecord> record,
                      deps.records.Get(repository.common_dir, worktree.path));
  if (record && !record->base.empty()) {
    names.push_back(record->base);
  } else if (!worktree.branch.empty()) {
    WM_ASSIGN_OR_RETURN(
        std::optional<std::string> stored,
        Optional(deps.git.GetConfig(repository, "branch." + worktree.branch + ".workmux-base")));
    if (stored) names.push_back(std::move(*stored));
  }
  WM_ASSIGN_OR_RETURN(std::optional<std::string> main,
                      Optional(MainBranchName(deps.git, repository, config)));
  if (main) names.push_back(std::move(*main));

  for (const std::string& name : names) {
    if (name.empty() || name == worktree.branch) continue;
    for (const std::string_view where : {"refs/heads/", "refs/remotes/"}) {
      const std::string ref = std::string(where) + name;
      WM_ASSIGN_OR_RETURN(std::optional<std::string> id,
                          Optional(deps.git.ResolveRef(repository, ref)));
      if (id) return BaseBranch{name, ref, std::move(*id)};
    }
  }
  return WithReason(
      NotFound("no branch is known to compare '{}' with",
               Printable(worktree.branch.empty() ? worktree.handle() : worktree.branch)),
      "NO_BASE");
}

absl::StatusOr<std::string> TipOf(Git& git, const Worktree& worktree) {
  if (worktree.branch.empty()) {
    if (!worktree.head.empty()) return worktree.head;
    return FailedPrecondition("the commit that is checked out is not known");
  }
  WM_ASSIGN_OR_RETURN(const std::optional<std::string> tip,
                      Optional(git.ResolveRef(worktree.repository, BranchRef(worktree.branch))));
  return tip.value_or("");
}

absl::StatusOr<std::vector<Commit>> UnmergedCommits(Git& git, const Repository& repository,
                                                    const std::string& tip, const BaseBranch& base,
                                                    std::size_t limit) {
  if (tip == base.id) return std::vector<Commit>();
  WM_ASSIGN_OR_RETURN(std::vector<Commit> missing,
                      git.CommitsNotIn(repository, tip, base.ref, limit));
  if (missing.empty() || !base.ref.starts_with("refs/heads/")) return missing;
  // The merge may have happened on the server, and the local base stayed behind.
  const std::string remote = "refs/remotes/origin/" + base.name;
  WM_ASSIGN_OR_RETURN(const std::optional<std::string> id,
                      Optional(git.ResolveRef(repository, remote)));
  if (!id) return missing;
  WM_ASSIGN_OR_RETURN(std::vector<Commit> not_on_origin,
                      git.CommitsNotIn(repository, tip, remote, limit));
  return not_on_origin.size() < missing.size() ? not_on_origin : missing;
}

absl::StatusOr<std::string> FindWindowToken(const WorktreeDeps& deps, const Worktree& worktree) {
  WM_ASSIGN_OR_RETURN(const std::optional<WorktreeRecord> record,
                      deps.records.Get(worktree.repository.common_dir, worktree.path));
  if (record && !record->token.empty()) return record->token;
  WM_ASSIGN_OR_RETURN(
      std::optional<std::string> stored,
      Optional(deps.git.GetConfig(worktree.repository,
                                  "workmux.worktree." + worktree.handle() + ".window-token")));
  return stored.value_or("");
}

}  // namespace workmux::daemon
