#include "daemon/domain/worktree_resolver.h"

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {

absl::StatusOr<Worktree> ResolveWorktree(std::span<const Worktree> worktrees,
                                         std::string_view name) {
  if (name.empty()) return InvalidArgument("the worktree's name is empty");
  std::vector<Worktree> found;
  for (const Worktree& worktree : worktrees) {
    if (worktree.handle() == name) found.push_back(worktree);
  }
  if (found.empty()) {
    for (const Worktree& worktree : worktrees) {
      if (worktree.branch == name) found.push_back(worktree);
    }
  }
  if (found.size() == 1) return found.front();
  const std::string shown = Printable(name);
  if (found.empty()) {
    return WithHint(WithReason(NotFound("no worktree with the name or branch '{}'", shown),
                               "WORKTREE_NOT_FOUND"),
                    "run workmux list to see them");
  }
  std::string all;
  for (const Worktree& worktree : found) {
    all += Format("{}'{}' (branch '{}')", all.empty() ? "" : ", ",
                  Printable(worktree.path.string()), Printable(worktree.branch));
  }
  return WithHint(
      WithReason(FailedPrecondition("'{}' means more than one worktree: {}", shown, all),
                 "AMBIGUOUS_NAME"),
      "name it by its branch, or run the command inside of it");
}

absl::Status RefuseMainWorktree(const Worktree& worktree, std::string_view verb) {
  const bool is_main = worktree.is_main || (!worktree.repository.main_worktree.empty() &&
                                            worktree.path == worktree.repository.main_worktree);
  if (!is_main) return absl::OkStatus();
  return WithHint(WithReason(FailedPrecondition("cannot {} the main worktree '{}'", verb,
                                                Printable(worktree.path.string())),
                             "MAIN_WORKTREE"),
                  Format("name the worktree to {}", verb));
}

}  // namespace workmux::daemon
