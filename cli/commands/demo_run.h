#pragma once

#include <absl/status/statusor.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "cli/client/agent_watch.h"
#include "cli/client/session_signals.h"
#include "cli/commands/demo_evidence.h"
#include "cli/commands/demo_world.h"
#include "common/base/mutex.h"

namespace workmux::cli {

// Turns a signal that ends programs into a request to stop.
class SignalStop {
 public:
  explicit SignalStop(SessionSignals& signals);
  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread waiter_;
};

// One run of the scripted agent in a world. Everything that is told comes from
// the daemon's stream, tmux, git, the file system and /proc; what the agent
// itself noted is only used for what it tried.
class DemoRun {
 public:
  // `tell` gets a line at each step, on the caller's thread.
  DemoRun(DemoWorld& world, std::stop_token stop, std::function<void(const std::string&)> tell)
      : world_(world), stop_(std::move(stop)), tell_(std::move(tell)) {}

  // Adds the worktree, follows the agent to its end and collects the evidence.
  absl::StatusOr<DemoEvidence> WatchAgentAtWork();
  // Merges the branch, and looks for what a planted hook would have left.
  absl::StatusOr<std::vector<Expectation>> Merge();

 private:
  struct Change {
    std::string status;
    std::string pane;
  };

  absl::Status StartWatching();
  // kDeadlineExceeded when the next change of the status does not come.
  absl::StatusOr<Change> NextChange();
  // Waits for `status`, notes it and looks for its icon in the window list.
  absl::Status Expect(const std::string& status);
  absl::Status LookBeforeTheAttempts();
  absl::Status LookAfterTheAttempts();
  absl::Status AwaitSandboxEnd();
  absl::Status AwaitImport();
  absl::Status Pause();

  DemoWorld& world_;
  std::stop_token stop_;
  std::function<void(const std::string&)> tell_;
  DemoEvidence evidence_;
  std::string pane_;
  std::string first_tip_;

  Mutex mu_;
  CondVar changed_;
  std::vector<Change> changes_ WM_GUARDED_BY(mu_);
  std::size_t taken_ = 0;
  std::unique_ptr<AgentWatch> watch_;  // last: its thread uses the above
};

}  // namespace workmux::cli
