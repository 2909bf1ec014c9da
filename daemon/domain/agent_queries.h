#pragma once

#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/async/executor.h"
#include "daemon/domain/agent_tracker.h"
#include "daemon/domain/unmerged_work.h"
#include "daemon/domain/worktree_base.h"
#include "daemon/ports/git.h"

namespace workmux::daemon {

// `workmux status`: which agents there are and what their worktrees look like.
class AgentQueries {
 public:
  // The branch that a worktree's branch started from; kNotFound when none is known.
  using BaseOf = std::function<absl::StatusOr<BaseBranch>(const Worktree&)>;

  AgentQueries(AgentTracker& agents, Git& git, Executor& executor, BaseOf base_of);

  struct AgentView {
    AgentRecord record;
    std::string handle;
    std::string session_name;
    std::string window_name;
    std::optional<bool> has_staged;
    std::optional<bool> has_unstaged;
    std::optional<bool> has_unmerged_commits;
  };
  struct TargetError {
    std::string target;
    std::string code;
    std::string message;
  };
  struct Listing {
    std::string instance;  // tmux socket the caller stands in, or its default
    std::string repository;
    std::vector<AgentView> agents;
    std::vector<TargetError> errors;
    std::size_t total = 0;
  };
  // Inside a repository its agents, outside all of them. Targets are handles or
  // branches, or "project:handle" across repositories. With `with_git` git is
  // asked about each worktree, in parallel.
  absl::StatusOr<Listing> List(const Caller& caller, const std::vector<std::string>& targets,
                               bool with_git, std::stop_token stop);

 private:
  absl::StatusOr<TipAndBase> FindTipAndBase(const Worktree& worktree);
  void AddUnmerged(std::vector<AgentView>& views,
                   const std::vector<absl::StatusOr<TipAndBase>>& tips);
  void AddGit(std::vector<AgentView>& views, std::stop_token stop);

  AgentTracker& agents_;
  Git& git_;
  Executor& executor_;
  const BaseOf base_of_;
};

}  // namespace workmux::daemon
