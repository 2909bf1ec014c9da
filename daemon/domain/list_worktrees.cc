#include "daemon/domain/list_worktrees.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/async/parallel.h"
#include "daemon/domain/remove_worktree.h"

namespace workmux::daemon {
namespace {

bool Matches(const Worktree& worktree, const std::vector<std::string>& filters) {
  return filters.empty() || std::any_of(filters.begin(), filters.end(), [&](const std::string& f) {
           return f == worktree.handle() || f == worktree.branch;
         });
}

// Not every file system keeps birth times.
std::optional<std::int64_t> BirthTime(const std::filesystem::path& path) {
  struct statx info {};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BTIME, &info) != 0 ||
      (info.stx_mask & STATX_BTIME) == 0) {
    return std::nullopt;
  }
  return info.stx_btime.tv_sec;
}

std::optional<std::set<std::string>> OpenTokens(Multiplexer* multiplexer, ListResult& result) {
  if (multiplexer == nullptr) return std::nullopt;
  const absl::StatusOr<std::vector<PaneInfo>> panes = multiplexer->ListPanes();
  if (!panes.ok()) {
    if (!absl::IsUnavailable(panes.status())) result.warnings.push_back(MessageOf(panes.status()));
    return std::nullopt;
  }
  std::set<std::string> tokens;
  for (const PaneInfo& pane : *panes) {
    if (!pane.token.empty()) tokens.insert(pane.token);
  }
  return tokens;
}

// Returns a warning, empty when all is known.
std::string AskGit(const WorktreeDeps& deps, const WorktreeContext& context, ListEntry& entry) {
  const RemovalCandidate seen = InspectWorktree(deps, context, entry.worktree);
  if (seen.changes_known) entry.has_uncommitted_changes = !seen.changes.clean();
  if (seen.commits_known) entry.has_unmerged_commits = !seen.unmerged.empty();
  // The main branch has nothing to be compared with, and needs nothing.
  if (seen.unknown.empty() || entry.worktree.is_main) return {};
  return Format("{}: {}", Printable(entry.worktree.handle()), seen.unknown);
}

void AskGitAboutAll(const WorktreeDeps& deps, const WorktreeContext& context, ListResult& result) {
  std::vector<std::string> warnings(result.entries.size());
  const auto ask = [&](std::size_t i) { warnings[i] = AskGit(deps, context, result.entries[i]); };
  if (deps.executor != nullptr) {
    ParallelFor(*deps.executor, warnings.size(), ask);
  } else {
    for (std::size_t i = 0; i < warnings.size(); ++i) ask(i);
  }
  for (std::string& warning : warnings) {
    if (!warning.empty()) result.warnings.push_back(std::move(warning));
  }
}

}  // namespace

absl::StatusOr<ListResult> ListWorktrees(const WorktreeDeps& deps, const WorktreeContext& context,
                                         const Repository& repository, const ListRequest& request) {
  ListResult result;
  WM_ASSIGN_OR_RETURN(const std::vector<Worktree> worktrees, deps.git.ListWorktrees(repository));
  WM_ASSIGN_OR_RETURN(const auto records, deps.records.List(repository.common_dir));
  const std::optional<std::set<std::string>> open = OpenTokens(context.multiplexer, result);
  for (const Worktree& worktree : worktrees) {
    if (!Matches(worktree, request.filters)) continue;
    ListEntry entry;
    entry.worktree = worktree;
    const auto record = records.find(worktree.path);
    if (open) entry.is_open = record != records.end() && open->contains(record->second.token);
    if (record != records.end() && record->second.created_unix != 0) {
      entry.created_unix = record->second.created_unix;
    } else {
      entry.created_unix = BirthTime(worktree.path);
    }
    result.entries.push_back(std::move(entry));
  }
  if (request.git) AskGitAboutAll(deps, context, result);
  return result;
}

}  // namespace workmux::daemon
