#include "cli/client/session_runner.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>

#include "cli/client/process_tree.h"
#include "cli/terminal/terminal_state.h"
#include "common/base/status.h"
#include "common/process/spawn.h"
#include "workmux/control/v1/sandbox.pb.h"

namespace workmux::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A sandbox that was stopped ends its program; only what stays is ended by us.
constexpr milliseconds kEndsByItself{500};
constexpr milliseconds kTermGrace{3000};

absl::StatusOr<SessionPlan> WaitForPlan(SessionLease& lease, SessionSignals& signals) {
  while (true) {
    std::array<pollfd, 2> fds = {{{.fd = lease.event_fd(), .events = POLLIN, .revents = 0},
                                  {.fd = signals.fd(), .events = POLLIN, .revents = 0}}};
    if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return ErrnoStatus(errno, "poll");
    if (signals.Read()) {
      lease.Cancel();
      return Cancelled("interrupted");
    }
    SessionLease::State state = lease.state();
    if (state.failure) return *state.failure;
    if (state.revoked) return *state.revoked;
    if (state.plan) return *std::move(state.plan);
  }
}

// Waits for one child. Ending it goes in steps, each when its time has come.
class Foreground {
 public:
  Foreground(SpawnedProcess child, SessionSignals& signals, SessionLease* lease)
      : child_(std::move(child)), signals_(signals), lease_(lease) {}

  ExitStatus Wait() {
    while (true) {
      std::array<pollfd, 3> fds = {
          {{.fd = child_.pidfd.get(), .events = POLLIN, .revents = 0},
           {.fd = signals_.fd(), .events = POLLIN, .revents = 0},
           {.fd = lease_ == nullptr ? -1 : lease_->event_fd(), .events = POLLIN, .revents = 0}}};
      ::poll(fds.data(), fds.size(), Timeout());
      if ((fds[0].revents & POLLIN) != 0) return Reap(child_.pid);
      if (fds[1].revents != 0) TakeSignals();
      if (fds[2].revents != 0) TakeState(lease_->state());
      TakeStep();
    }
  }

 private:
  int Timeout() const {
    if (!next_step_) return -1;
    const auto left = std::chrono::ceil<milliseconds>(*next_step_ - steady_clock::now());
    return static_cast<int>(std::clamp<long long>(left.count(), 0, 60'000));
  }

  void TakeSignals() {
    while (const auto signal = signals_.Read()) {
      if (signal->number == SIGINT || signal->number == SIGQUIT) {
        if (!signal->from_terminal) ::kill(child_.pid, signal->number);
      } else if (lease_ != nullptr) {
        lease_->RequestStop();
      } else {
        EndIn(milliseconds(0));
      }
    }
  }

  void TakeState(const SessionLease::State& state) {
    if (state.revoked || state.stop_answered) EndIn(kEndsByItself);
  }

  void EndIn(milliseconds wait) {
    if (ending_) return;
    ending_ = true;
    next_step_ = steady_clock::now() + wait;
  }

  void TakeStep() {
    if (!next_step_ || steady_clock::now() < *next_step_) return;
    SignalTree(child_.pid, next_signal_);
    next_signal_ = SIGKILL;
    next_step_ = steady_clock::now() + kTermGrace;
  }

  SpawnedProcess child_;
  SessionSignals& signals_;
  SessionLease* lease_;
  bool ending_ = false;
  int next_signal_ = SIGTERM;
  std::optional<steady_clock::time_point> next_step_;
};

absl::StatusOr<ExitStatus> SpawnAndWait(const Command& command, SessionSignals& signals,
                                        SessionLease* lease) {
  TerminalState terminal(STDIN_FILENO);
  SpawnOptions options;
  options.group = ProcessGroup::kInherited;
  auto child = SpawnProcess(command, std::move(options));
  if (!child.ok()) return Annotate(child.status(), "the sandbox's program");
  if (!child->pidfd.valid()) {
    ::kill(child->pid, SIGKILL);
    Reap(child->pid);
    return Internal("pidfd_open failed; Linux 5.3 or newer is needed");
  }
  return Foreground(*std::move(child), signals, lease).Wait();
}

absl::Status StartFailure(const SessionLease::Verdict& verdict) {
  const std::string_view reason = !verdict.reason.empty()    ? std::string_view(verdict.reason)
                                  : verdict.exit_code == 127 ? "PROGRAM_NOT_FOUND"
                                  : verdict.exit_code == 126 ? "PROGRAM_NOT_EXECUTABLE"
                                                             : "SANDBOX_NOT_STARTED";
  const absl::Status failed = WithReason(FailedPrecondition("{}", verdict.start_failure), reason);
  if (!verdict.hint.empty()) return WithHint(failed, verdict.hint);
  return verdict.start_failure.starts_with("sandbox.")
             ? WithHint(failed, "correct this key of the global configuration, or remove it")
             : failed;
}

}  // namespace

absl::StatusOr<int> RunSession(const DaemonLauncher& launcher,
                               const control::v1::OpenSessionRequest& request,
                               SessionSignals& signals, SessionLease::Callbacks callbacks) {
  auto on_ready = std::move(callbacks.on_ready);
  SessionLease lease(launcher, request, std::move(callbacks));
  WM_ASSIGN_OR_RETURN(const SessionPlan plan, WaitForPlan(lease, signals));
  if (on_ready) on_ready();
  const auto exit = SpawnAndWait(plan.command, signals, &lease);
  if (!exit.ok()) {
    // Nothing ran; the daemon takes the sandbox away when it hears so.
    (void)lease.Close({.code = absl::IsNotFound(exit.status()) ? 127 : 126, .signal = 0});
    return WithReason(exit.status(), absl::IsNotFound(exit.status()) ? "PROGRAM_NOT_FOUND"
                                     : absl::IsPermissionDenied(exit.status())
                                         ? "PROGRAM_NOT_EXECUTABLE"
                                         : "SPAWN_FAILED");
  }
  const auto verdict = lease.Close(*exit);
  const SessionLease::State state = lease.state();
  if (state.revoked) return *state.revoked;
  // Without a daemon the program's own code is the best that is known.
  if (!verdict.ok()) return exit->ShellCode();
  if (!verdict->start_failure.empty()) return StartFailure(*verdict);
  return verdict->exit_code;
}

absl::StatusOr<int> RunForeground(const Command& command, SessionSignals& signals) {
  WM_ASSIGN_OR_RETURN(const ExitStatus exit, SpawnAndWait(command, signals, nullptr));
  return exit.ShellCode();
}

}  // namespace workmux::cli
