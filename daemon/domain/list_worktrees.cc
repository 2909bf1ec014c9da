#include "daemon/domain/list_worktrees.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/async/parallel.h"
#include "daemon/domain/unmerged_work.h"

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

// One worktree on its way to what git says of it.
struct Question {
  absl::Status changes;
  absl::StatusOr<TipAndBase> compared = absl::CancelledError();
};

absl::StatusOr<TipAndBase> FindTipAndBase(const WorktreeDeps& deps, const WorktreeContext& context,
                                          const Worktree& worktree) {
  WM_ASSIGN_OR_RETURN(std::string tip, TipOf(deps.git, worktree));
  // Nothing was committed yet, and so nothing can be lost.
  if (tip.empty()) return TipAndBase{worktree.repository, {}, {}};
  WM_ASSIGN_OR_RETURN(BaseBranch base, FindBase(deps, context.config.config, worktree));
  return TipAndBase{worktree.repository, std::move(tip), std::move(base)};
}

void AskAboutCommits(const WorktreeDeps& deps, std::vector<Question>& questions,
                     std::vector<ListEntry>& entries) {
  std::vector<TipAndBase> asked;
  std::vector<std::size_t> whose;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    if (!questions[i].compared.ok()) continue;
    asked.push_back(*questions[i].compared);
    whose.push_back(i);
  }
  const auto answers = HaveUnmergedCommits(deps.git, asked);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok()) {
      entries[whose[i]].has_unmerged_commits = *answers[i];
    } else {
      questions[whose[i]].compared = answers[i].status();
    }
  }
}

absl::Status AskAboutChanges(const WorktreeDeps& deps, const WorktreeContext& context,
                             ListEntry& entry) {
  if (entry.worktree.missing) {
    entry.has_uncommitted_changes = false;
    return absl::OkStatus();
  }
  WM_ASSIGN_OR_RETURN(const WorktreeChanges changes,
                      deps.git.Changes(entry.worktree, context.stop));
  entry.has_uncommitted_changes = !changes.clean();
  return absl::OkStatus();
}

template <class Body>
void ForEach(const WorktreeDeps& deps, std::size_t count, const Body& body) {
  if (deps.executor != nullptr) return ParallelFor(*deps.executor, count, body, GitAtOnce());
  for (std::size_t i = 0; i < count; ++i) body(i);
}

// First all that files tell, then one process for the commits beside one for each worktree.
void AskGitAboutAll(const WorktreeDeps& deps, const WorktreeContext& context, ListResult& result) {
  std::vector<Question> questions(result.entries.size());
  ForEach(deps, questions.size(), [&](std::size_t i) {
    questions[i].compared = FindTipAndBase(deps, context, result.entries[i].worktree);
  });
  ForEach(deps, questions.size() + 1, [&](std::size_t i) {
    if (i == 0) return AskAboutCommits(deps, questions, result.entries);
    questions[i - 1].changes = AskAboutChanges(deps, context, result.entries[i - 1]);
  });
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const Worktree& worktree = result.entries[i].worktree;
    for (const absl::Status& status : {questions[i].changes, questions[i].compared.status()}) {
      // The main branch has nothing to be compared with, and needs nothing.
      if (status.ok() || (worktree.is_main && ReasonOf(status) == "NO_BASE")) continue;
      result.warnings.push_back(Format("{}: {}", Printable(worktree.handle()), MessageOf(status)));
    }
  }
}

}  // namespace

absl::StatusOr<ListResult> ListWorktrees(const WorktreeDeps& deps, const WorktreeContext& context,
                                         const Repository& repository, const ListRequest& request) {
  ListResult result;
  std::optional<std::set<std::string>> open;
  absl::StatusOr<std::vector<Worktree>> worktrees = absl::CancelledError();
  // tmux is another process: what it looks up costs no time of ours.
  ForEach(deps, 2, [&](std::size_t i) {
    if (i == 0) {
      open = OpenTokens(context.multiplexer, result);
    } else {
      worktrees = deps.git.ListWorktrees(repository);
    }
  });
  if (!worktrees.ok()) return worktrees.status();
  WM_ASSIGN_OR_RETURN(const auto records, deps.records.List(repository.common_dir));
  for (const Worktree& worktree : *worktrees) {
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
