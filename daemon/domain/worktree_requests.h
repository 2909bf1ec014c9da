#pragma once

// What the worktree operations take and give back. Plain data.

#include <absl/status/statusor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "daemon/config/config.h"
#include "daemon/domain/agent_launcher.h"
#include "daemon/domain/progress.h"
#include "daemon/domain/types.h"
#include "daemon/ports/git.h"
#include "daemon/ports/multiplexer.h"

namespace workmux::daemon {

// What every operation gets besides its request. Lives as long as the call.
struct WorktreeContext {
  const Caller& caller;
  const LoadedConfig& config;
  Multiplexer* multiplexer;  // null: no tmux; then no window is made or ended
  AgentLauncher* agents;     // null only where no window can be made
  ProgressSink& progress;
  std::stop_token stop;
};

// Work of others that has to happen first: sandboxes end, a sandbox's branch is
// taken over. An error stops the operation.
using WorktreeCallback = std::function<absl::Status(const Worktree&)>;
// Asked before a worktree is made at a path; what it gives is kept until git knows
// the worktree.
using ReservePlace =
    std::function<absl::StatusOr<std::shared_ptr<void>>(const std::filesystem::path&)>;

struct AddRequest {
  std::string branch;
  std::string base;
  std::string name;  // explicit handle
  std::optional<std::string> prompt;
  std::string agent;
  std::string backend;
  bool background = false;
  bool sandbox = false;
  bool no_hooks = false;
  bool no_file_ops = false;
  bool no_pane_commands = false;
  ReservePlace reserve_place;  // null: not asked
};

struct OpenRequest {
  std::string name;
  std::optional<std::string> prompt;
  bool run_hooks = false;
  bool force_files = false;
  bool new_window = false;
  bool continue_conversation = false;
  bool background = false;
};

struct OpenResult {
  Worktree worktree;
  std::string base;
  WindowRef window;  // ids are empty without tmux
  bool existed = false;
  bool switched = false;
  std::string agent;
  bool sandboxed = false;
};
using AddResult = OpenResult;

struct CloseRequest {
  std::string name;  // empty: the one the caller stands in
  WorktreeCallback before_close;
};

struct CloseResult {
  Worktree worktree;
  std::size_t closed = 0;
  // The caller's own windows, to be killed once it has been answered.
  std::vector<std::string> deferred_windows;
};

struct MergeRequest {
  std::string name;
  std::string into;
  std::optional<MergeStrategy> strategy;
  std::optional<bool> keep;
  bool ignore_uncommitted = false;
  bool no_verify = false;
  bool no_hooks = false;
  std::string message;
  WorktreeCallback before_merge;
  WorktreeCallback before_remove;
};

struct RemoveRequest {
  std::string name;
  bool discard_uncommitted = false;
  bool discard_unmerged = false;
  bool keep_branch = false;
  bool force = false;
  bool no_hooks = false;
  WorktreeCallback before_remove;
};

struct RemoveResult {
  Worktree worktree;  // as it was
  std::string base;
  std::string recovery_ref;  // empty: no branch was deleted
  std::vector<std::string> deferred_windows;
};

struct MergeResult {
  Worktree worktree;
  std::string merged_into;
  bool removed = false;
  RemoveResult removal;  // when removed
};

// What removing would lose.
struct RemovalCandidate {
  Worktree worktree;
  WorktreeChanges changes;
  std::vector<Commit> unmerged;  // newest first, at most kMaxUnmerged
  std::string base;
  std::string tip;      // of the branch when it was looked at; empty: none
  std::string unknown;  // a check failed: why
  // False counts as dirty and as unmerged.
  bool changes_known = false;
  bool commits_known = false;
};
inline constexpr std::size_t kMaxUnmerged = 1000;

struct ListRequest {
  bool git = false;
  std::vector<std::string> filters;  // handle or branch; none: all
};

struct ListEntry {
  Worktree worktree;
  std::optional<bool> has_uncommitted_changes;
  std::optional<bool> has_unmerged_commits;
  std::optional<bool> is_open;
  std::optional<std::int64_t> created_unix;
};

struct ListResult {
  std::vector<ListEntry> entries;
  std::vector<std::string> warnings;
};

}  // namespace workmux::daemon
