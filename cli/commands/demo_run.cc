#include "cli/commands/demo_run.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "cli/client/daemon_client.h"
#include "cli/commands/demo_agent.h"
#include "cli/commands/demo_processes.h"
#include "cli/output/agent_status.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "workmux/control/v1/agent.pb.h"
#include "workmux/control/v1/daemon.pb.h"

namespace workmux::cli {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kStepLimit{60};
constexpr seconds kIconLimit{5};
constexpr milliseconds kPoll{50};
constexpr int kSignalPollMs = 100;

// The defaults of status_icons.
const std::string& IconOf(const std::string& status) {
  static const auto* const icons = new std::map<std::string, std::string>(
      {{"working", "🤖"}, {"waiting", "💬"}, {"done", "✅"}});
  return icons->at(status);
}

}  // namespace

SignalStop::SignalStop(SessionSignals& signals)
    : waiter_([this, &signals](const std::stop_token& ended) {
        while (!ended.stop_requested()) {
          pollfd fd{.fd = signals.fd(), .events = POLLIN, .revents = 0};
          if (::poll(&fd, 1, kSignalPollMs) > 0 && signals.Read()) source_.request_stop();
        }
      }) {}

absl::Status DemoRun::Pause() {
  if (stop_.stop_requested()) return Cancelled("interrupted");
  std::this_thread::sleep_for(kPoll);
  return absl::OkStatus();
}

absl::Status DemoRun::StartWatching() {
  auto watch = AgentWatch::Start(world_.launcher(), [this](const control::v1::AgentEvent& event) {
    if (!event.has_changed()) return;
    Change change{std::string(StatusWord(event.changed().status())), event.changed().pane_id()};
    const MutexLock lock(mu_);
    const bool repeated = !changes_.empty() && changes_.back().status == change.status;
    if (change.status.empty() || repeated) return;
    changes_.push_back(std::move(change));
    changed_.notify_all();
  });
  if (!watch.ok()) return watch.status();
  watch_ = *std::move(watch);
  return absl::OkStatus();
}

absl::StatusOr<DemoRun::Change> DemoRun::NextChange() {
  const auto deadline = steady_clock::now() + kStepLimit;
  while (steady_clock::now() < deadline) {
    {
      const MutexLock lock(mu_);
      if (taken_ < changes_.size()) return changes_[taken_++];
    }
    WM_RETURN_IF_ERROR(Pause());
  }
  std::string shown;
  if (auto pane = world_.Tmux({"capture-pane", "-p", "-J", "-t", "=demo:{end}"}); pane.ok())
    shown = *pane;
  return DeadlineExceeded("the agent's status did not change for 60 s; its pane shows:\n{}",
                          Trim(shown));
}

absl::Status DemoRun::Expect(const std::string& status) {
  WM_ASSIGN_OR_RETURN(const Change change, NextChange());
  evidence_.statuses.push_back(change.status);
  pane_ = change.pane;
  if (change.status != status) {
    return FailedPrecondition("the agent's status became {}, not {}", change.status, status);
  }
  const auto deadline = steady_clock::now() + kIconLimit;
  std::string entry;
  while (true) {
    WM_ASSIGN_OR_RETURN(
        entry, world_.Tmux({"display-message", "-p", "-t", pane_, "#{E:window-status-format}"}));
    if (entry.find(IconOf(status)) != std::string::npos) break;
    if (steady_clock::now() > deadline) {
      evidence_.icons_shown = false;
      break;
    }
    WM_RETURN_IF_ERROR(Pause());
  }
  tell_(Format("  {:<8} window list: {}", status, Trim(entry)));
  return absl::OkStatus();
}

// The agent waits for an answer: nothing it does can come between.
absl::Status DemoRun::LookBeforeTheAttempts() {
  WM_RETURN_IF_ERROR(AwaitImport());
  WM_ASSIGN_OR_RETURN(evidence_.before, world_.ReadRepository());
  WM_ASSIGN_OR_RETURN(const auto running, ProcessesRunning({"sleep", world_.process_argument()}));
  evidence_.process_seen = !running.empty();
  return absl::OkStatus();
}

// A commit reaches the host's branch a moment later.
absl::Status DemoRun::AwaitImport() {
  const auto deadline = steady_clock::now() + kIconLimit;
  while (steady_clock::now() < deadline) {
    WM_ASSIGN_OR_RETURN(const std::string tip, world_.Git({"rev-parse", kDemoBranchRef}));
    if (tip != first_tip_) return absl::OkStatus();
    WM_RETURN_IF_ERROR(Pause());
  }
  return absl::OkStatus();
}

absl::Status DemoRun::AwaitSandboxEnd() {
  const auto deadline = steady_clock::now() + kStepLimit;
  DaemonClient client(world_.launcher(), StartPolicy::kNever);
  while (steady_clock::now() < deadline) {
    WM_ASSIGN_OR_RETURN(const auto info, client.GetInfo());
    if (info.open_sessions() == 0) return absl::OkStatus();
    WM_RETURN_IF_ERROR(Pause());
  }
  return DeadlineExceeded("the sandbox did not end within 60 s");
}

absl::Status DemoRun::LookAfterTheAttempts() {
  WM_ASSIGN_OR_RETURN(const auto running, ProcessesRunning({"sleep", world_.process_argument()}));
  evidence_.processes_left = static_cast<int>(running.size());
  WM_ASSIGN_OR_RETURN(evidence_.after, world_.ReadRepository());
  WM_ASSIGN_OR_RETURN(evidence_.home, world_.ListHome());
  WM_ASSIGN_OR_RETURN(const std::string report, ReadFileBeneath(world_.worktree(), kDemoReport));
  evidence_.report = ParseDemoReport(report);
  WM_ASSIGN_OR_RETURN(evidence_.worktree_file, ReadFileBeneath(world_.worktree(), kDemoFile));
  if (auto file =
          world_.Git({"show", "--end-of-options", std::string(kDemoBranchRef) + ":" + kDemoFile});
      file.ok()) {
    evidence_.branch_file = *file;
  }
  if (auto secret = ReadFile(world_.secret_file()); secret.ok()) evidence_.secret = Trim(*secret);
  return absl::OkStatus();
}

absl::StatusOr<DemoEvidence> DemoRun::WatchAgentAtWork() {
  evidence_.task = "Hello from a sandbox, number " + world_.process_argument();
  evidence_.icons_shown = true;
  WM_RETURN_IF_ERROR(world_.Start());
  WM_ASSIGN_OR_RETURN(first_tip_, world_.Git({"rev-parse", "HEAD"}));
  WM_RETURN_IF_ERROR(StartWatching());
  tell_(Format("$ workmux add hello -b -S -p '{}'", evidence_.task));
  WM_ASSIGN_OR_RETURN(const std::string added,
                      world_.Workmux({"add", "hello", "-b", "-S", "-p", evidence_.task}));
  tell_(added);
  WM_RETURN_IF_ERROR(Expect("working"));
  WM_RETURN_IF_ERROR(Expect("waiting"));
  WM_RETURN_IF_ERROR(LookBeforeTheAttempts());
  tell_("  the agent asks in its window; the answer is typed there: yes");
  WM_RETURN_IF_ERROR(world_.Tmux({"send-keys", "-t", pane_, "yes", "Enter"}).status());
  WM_RETURN_IF_ERROR(Expect("working"));
  WM_RETURN_IF_ERROR(Expect("done"));
  WM_RETURN_IF_ERROR(AwaitSandboxEnd());
  WM_RETURN_IF_ERROR(LookAfterTheAttempts());
  return evidence_;
}

absl::StatusOr<std::vector<Expectation>> DemoRun::Merge() {
  tell_("$ workmux merge hello");
  WM_ASSIGN_OR_RETURN(const std::string said, world_.Workmux({"merge", "hello"}));
  tell_(std::string(Trim(said)));
  std::vector<Expectation> result;
  auto file = world_.Git({"show", "--end-of-options", std::string("refs/heads/main:") + kDemoFile});
  const bool merged = file.ok() && Trim(*file) == evidence_.task;
  result.push_back(
      {"the work is on main", merged, merged ? "main has hello.txt" : "main lacks hello.txt"});

  WM_ASSIGN_OR_RETURN(const DemoRepository repository, world_.ReadRepository());
  std::error_code error;
  const bool path_gone =
      fs::symlink_status(world_.worktree(), error).type() == fs::file_type::not_found;
  const bool branch_gone = !repository.refs.contains(kDemoBranchRef);
  WM_ASSIGN_OR_RETURN(const std::string panes,
                      world_.Tmux({"list-panes", "-a", "-F", "#{pane_id}"}));
  const auto ids = SplitLines(panes);
  const bool window_gone = std::find(ids.begin(), ids.end(), pane_) == ids.end();
  result.push_back({"worktree, branch and window are gone", path_gone && branch_gone && window_gone,
                    Format("worktree {}, branch {}, window {}", path_gone ? "gone" : "there",
                           branch_gone ? "gone" : "there", window_gone ? "gone" : "there")});

  const bool quiet =
      fs::symlink_status(world_.hook_mark(), error).type() == fs::file_type::not_found;
  result.push_back({"nothing that the agent planted ran", quiet,
                    quiet ? "git merged on the host, and no hook left its mark"
                          : "a planted hook ran on the host"});
  return result;
}

}  // namespace workmux::cli
