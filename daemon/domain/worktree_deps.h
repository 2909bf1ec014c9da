#pragma once

#include <chrono>
#include <functional>

#include "common/process/command_runner.h"
#include "daemon/async/executor.h"
#include "daemon/domain/operation_journal.h"
#include "daemon/domain/worktree_records.h"
#include "daemon/ports/git.h"

namespace workmux::daemon {

// What the worktree operations stand on; all of it outlives them.
struct WorktreeDeps {
  Git& git;
  CommandRunner& hooks;
  WorktreeRecords& records;
  OperationJournal& journal;
  std::function<std::chrono::system_clock::time_point()> now;
  // Set in every window's panes.
  Env window_env;
  // Runs slow work that nobody waits for (deleting files). Null: at once.
  std::function<void(std::function<void()>)> run_later;
  // Asks git about several worktrees at once. Null: one after another.
  Executor* executor = nullptr;
};

inline std::int64_t UnixSeconds(const WorktreeDeps& deps) {
  return std::chrono::duration_cast<std::chrono::seconds>(deps.now().time_since_epoch()).count();
}

}  // namespace workmux::daemon
