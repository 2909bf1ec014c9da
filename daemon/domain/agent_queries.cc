#include "daemon/domain/agent_queries.h"

#include <algorithm>
#include <map>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "daemon/async/parallel.h"
#include "daemon/domain/caller_pane.h"

namespace workmux::daemon {
namespace {

std::string ProjectOf(const AgentRecord& record) {
  // The common directory of an ordinary repository is <project>/.git.
  return record.repository.filename() == ".git"
             ? record.repository.parent_path().filename().string()
             : record.repository.stem().string();
}

bool Matches(const AgentQueries::AgentView& view, std::string_view target) {
  const auto colon = target.find(':');
  if (colon != std::string_view::npos) {
    return ProjectOf(view.record) == target.substr(0, colon) &&
           view.handle == target.substr(colon + 1);
  }
  return view.handle == target || view.record.branch == target;
}

using PanesBySocket = std::map<std::string, std::vector<PaneInfo>>;

void AddNames(const PanesBySocket& panes, std::vector<AgentQueries::AgentView>& views) {
  for (AgentQueries::AgentView& view : views) {
    const auto listed = panes.find(view.record.pane.tmux_socket);
    if (listed == panes.end()) continue;
    for (const PaneInfo& pane : listed->second) {
      if (pane.pane_id != view.record.pane.pane_id) continue;
      view.session_name = pane.session_name;
      view.window_name = pane.window_name;
    }
  }
}

}  // namespace

AgentQueries::AgentQueries(AgentTracker& agents, Git& git, Executor& executor, BaseOf base_of)
    : agents_(agents), git_(git), executor_(executor), base_of_(std::move(base_of)) {}

absl::StatusOr<AgentQueries::Listing> AgentQueries::List(const Caller& caller,
                                                         const std::vector<std::string>& targets,
                                                         bool with_git, std::stop_token stop) {
  Listing listing;
  listing.instance = TmuxSocketOf(caller);
  const auto here = git_.Locate(caller.cwd);
  if (here.ok()) listing.repository = here->repository.common_dir.string();

  PanesBySocket panes;
  for (const AgentRecord& record : agents_.All()) panes[record.pane.tmux_socket];
  for (auto& [socket, listed] : panes) {
    // The records of a server that does not answer stay, without names.
    if (auto found = agents_.Reconcile(socket); found.ok()) listed = *std::move(found);
  }

  std::vector<AgentView> views;
  for (const AgentRecord& record : agents_.All()) {
    views.push_back({.record = record, .handle = record.worktree.filename().string()});
  }
  listing.total = views.size();
  const bool across = std::any_of(targets.begin(), targets.end(), [](const std::string& target) {
    return target.find(':') != std::string::npos;
  });
  if (!listing.repository.empty() && !across) {
    std::erase_if(
        views, [&](const AgentView& view) { return view.record.repository != listing.repository; });
  }
  if (targets.empty()) {
    listing.agents = std::move(views);
  } else {
    for (const std::string& target : targets) {
      bool found = false;
      for (const AgentView& view : views) {
        if (!Matches(view, target)) continue;
        found = true;
        listing.agents.push_back(view);
      }
      if (!found) {
        listing.errors.push_back(
            {target, "target_resolution_failed", Format("no agent is known for '{}'", target)});
      }
    }
  }
  AddNames(panes, listing.agents);
  if (with_git) AddGit(listing.agents, stop);
  return listing;
}

absl::StatusOr<TipAndBase> AgentQueries::FindTipAndBase(const Worktree& worktree) {
  if (worktree.branch.empty()) return NotFound("no branch is checked out");
  WM_ASSIGN_OR_RETURN(std::string tip,
                      git_.ResolveRef(worktree.repository, BranchRef(worktree.branch)));
  WM_ASSIGN_OR_RETURN(BaseBranch base, base_of_(worktree));
  return TipAndBase{worktree.repository, std::move(tip), std::move(base)};
}

// What fails leaves its fields unset: not known.
void AgentQueries::AddGit(std::vector<AgentView>& views, std::stop_token stop) {
  std::vector<absl::StatusOr<Worktree>> worktrees(views.size(), absl::CancelledError());
  std::vector<absl::StatusOr<TipAndBase>> tips(views.size(), absl::CancelledError());
  ParallelFor(
      executor_, views.size(),
      [&](std::size_t i) {
        worktrees[i] = git_.Locate(views[i].record.worktree);
        if (worktrees[i].ok()) tips[i] = FindTipAndBase(*worktrees[i]);
      },
      GitAtOnce());
  // One process for the commits beside one for each worktree.
  ParallelFor(
      executor_, views.size() + 1,
      [&](std::size_t i) {
        if (i == 0) return AddUnmerged(views, tips);
        AgentView& view = views[i - 1];
        if (!worktrees[i - 1].ok()) return;
        if (const auto changes = git_.Changes(*worktrees[i - 1], stop); changes.ok()) {
          view.has_staged = changes->staged;
          view.has_unstaged = changes->unstaged || changes->untracked || changes->conflicted;
        }
      },
      GitAtOnce());
}

void AgentQueries::AddUnmerged(std::vector<AgentView>& views,
                               const std::vector<absl::StatusOr<TipAndBase>>& tips) {
  std::vector<TipAndBase> asked;
  std::vector<std::size_t> whose;
  for (std::size_t i = 0; i < tips.size(); ++i) {
    if (!tips[i].ok()) continue;
    asked.push_back(*tips[i]);
    whose.push_back(i);
  }
  const auto answers = HaveUnmergedCommits(git_, asked);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok()) views[whose[i]].has_unmerged_commits = *answers[i];
  }
}

}  // namespace workmux::daemon
