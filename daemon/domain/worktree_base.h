#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>

#include "daemon/config/config.h"
#include "daemon/domain/types.h"
#include "daemon/domain/worktree_deps.h"

namespace workmux::daemon {

// "refs/heads/<branch>".
std::string BranchRef(std::string_view branch);

struct BaseBranch {
  std::string name;  // as people say it
  std::string ref;   // full ref name
  std::string id;
};

// The configured main branch, else the repository's.
absl::StatusOr<std::string> MainBranchName(Git& git, const Repository& repository,
                                           const Config& config);

// What the worktree's branch was made from: the record, else git config
// branch.<name>.workmux-base, else the main branch. A base that is gone counts
// as none. kNotFound (NO_BASE) when there is nothing to compare with.
absl::StatusOr<BaseBranch> FindBase(const WorktreeDeps& deps, const Config& config,
                                    const Worktree& worktree);

// The commit that removing the worktree could lose: its branch's, else the one
// that is checked out. Empty on an unborn branch.
absl::StatusOr<std::string> TipOf(Git& git, const Worktree& worktree);

// Commits of `tip` that neither the base nor its copy on origin has.
absl::StatusOr<std::vector<Commit>> UnmergedCommits(Git& git, const Repository& repository,
                                                    const std::string& tip, const BaseBranch& base,
                                                    std::size_t limit);

// The ownership token of the worktree's windows; empty when it never had any.
absl::StatusOr<std::string> FindWindowToken(const WorktreeDeps& deps, const Worktree& worktree);

// `status` of a lookup with "not there" turned into an empty optional.
absl::StatusOr<std::optional<std::string>> Optional(absl::StatusOr<std::string> found);

}  // namespace workmux::daemon
