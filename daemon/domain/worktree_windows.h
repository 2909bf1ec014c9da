#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <vector>

#include "daemon/domain/pane_planner.h"
#include "daemon/domain/worktree_deps.h"
#include "daemon/domain/worktree_requests.h"

namespace workmux::daemon {

// A window to be made for a worktree.
struct WindowOrder {
  std::string agent;
  std::string backend;
  bool sandboxed = false;
  bool no_pane_commands = false;
  bool continue_conversation = false;
  bool background = false;
  bool has_prompt = false;
  std::optional<std::filesystem::path>
      prompt_file;              // relative to the worktree; unset: not handed over
  bool prompt_by_name = false;  // the agent is told the file instead of its content
};

// 32 hex digits of randomness.
absl::StatusOr<std::string> NewWindowToken();

// Where a worktree's panes and hooks start: the directory of the project
// configuration in it, or its root when it has no such directory.
std::filesystem::path StartDirectory(const WorktreeContext& context, const Worktree& worktree);

absl::StatusOr<PanePlan> PlanWindow(const WorktreeContext& context, const Worktree& worktree,
                                    const WindowOrder& order);

// Makes the window. A name that other windows have already is made different.
absl::StatusOr<WindowRef> MakeWindow(const WorktreeDeps& deps, const WorktreeContext& context,
                                     const Worktree& worktree, const std::string& token,
                                     const WindowOrder& order, PanePlan plan);

// Kills the worktree's windows. The one in which the caller itself runs is left
// and named in `deferred`, so that the caller still learns how it ended.
absl::StatusOr<std::size_t> KillWindows(const WorktreeDeps& deps, const WorktreeContext& context,
                                        const Worktree& worktree,
                                        std::vector<std::string>& deferred);

}  // namespace workmux::daemon
