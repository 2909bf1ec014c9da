#include "cli/commands/daemon.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "cli/client/daemon_socket.h"
#include "cli/exit_code.h"
#include "cli/output/agent_status.h"
#include "cli/output/json.h"
#include "common/base/status.h"
#include "common/base/unique_fd.h"
#include "workmux/control/v1/daemon.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

constexpr int kStopLimitMs = 15'000;

bool NotRunning(const absl::Status& status) { return ReasonOf(status) == kDaemonUnreachable; }

// The daemon's process, while it surely is the one that answered.
absl::StatusOr<UniqueFd> OpenProcess(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) return ErrnoStatus(errno, Format("process {}", pid));
  return fd;
}

absl::Status WaitForEnd(const UniqueFd& process, pid_t pid) {
  pollfd fd{.fd = process.get(), .events = POLLIN, .revents = 0};
  int n = 0;
  do {
    n = ::poll(&fd, 1, kStopLimitMs);
  } while (n < 0 && errno == EINTR);
  if (n > 0) return absl::OkStatus();
  return WithHint(DeadlineExceeded("workmuxd (pid {}) did not end within 15 s", pid),
                  "see `workmux daemon logs`");
}

struct Stopping {
  pid_t pid = 0;
  UniqueFd process;
};

absl::StatusOr<Stopping> RequestStop(bool sandboxes, const CommandEnv& env) {
  DaemonClient client(env.launcher, StartPolicy::kNever);
  WM_ASSIGN_OR_RETURN(const pb::GetInfoResponse info, client.GetInfo());
  WM_ASSIGN_OR_RETURN(UniqueFd process, OpenProcess(info.pid()));
  pb::ShutdownRequest request;
  request.set_stop_sandboxes(sandboxes);
  WM_RETURN_IF_ERROR(client.Shutdown(request));
  return Stopping{.pid = info.pid(), .process = std::move(process)};
}

absl::Status Stop(bool sandboxes, const CommandEnv& env) {
  // The connection is closed by now: the daemon gives those that are open time.
  WM_ASSIGN_OR_RETURN(const Stopping stopping, RequestStop(sandboxes, env));
  return WaitForEnd(stopping.process, stopping.pid);
}

absl::StatusOr<int> Start(std::string_view word, const CommandEnv& env) {
  WM_RETURN_IF_ERROR(env.launcher.ClearStopped());
  DaemonClient client(env.launcher, StartPolicy::kIfNeeded);
  WM_ASSIGN_OR_RETURN(const pb::GetInfoResponse info, client.GetInfo());
  env.terminal.Out(
      Format("workmuxd {} {} (pid {})\n", PrintableLines(info.version()), word, info.pid()));
  return kExitOk;
}

}  // namespace

absl::StatusOr<int> RunDaemonStatus(const DaemonStatusOptions& options, const CommandEnv& env) {
  DaemonClient client(env.launcher, StartPolicy::kNever);
  const auto info = client.GetInfo();
  if (NotRunning(info.status())) {
    env.terminal.Out(options.json ? "null\n" : "workmuxd is not running\n");
    return kExitFailed;
  }
  if (!info.ok()) return info.status();
  if (options.json) {
    env.terminal.Out(DaemonInfoJson(*info));
    return kExitOk;
  }
  std::string text =
      Format("workmuxd {} is running (pid {})\n", PrintableLines(info->version()), info->pid());
  text += Format("  since: {}\n", FormatAge(std::time(nullptr) - info->started_unix_seconds()));
  text += Format("  socket: {}\n", env.launcher.paths().socket.string());
  text += Format("  sandboxes: {}\n", info->open_sessions());
  for (const auto& task : info->degraded())
    text += Format("  degraded: {}\n", PrintableLines(task));
  env.terminal.Out(text);
  return kExitOk;
}

absl::StatusOr<int> RunDaemonStart(const CommandEnv& env) { return Start("is running", env); }

absl::StatusOr<int> RunDaemonStop(const DaemonStopOptions& options, const CommandEnv& env) {
  // First, or a waiting `sandbox run` would bring the daemon back at once.
  WM_RETURN_IF_ERROR(env.launcher.MarkStopped());
  const absl::Status stopped = Stop(options.sandboxes, env);
  if (NotRunning(stopped)) {
    env.terminal.Out("workmuxd was not running\n");
    return kExitOk;
  }
  if (!stopped.ok()) {
    WM_RETURN_IF_ERROR(env.launcher.ClearStopped());
    return stopped;
  }
  env.terminal.Out(options.sandboxes ? "stopped workmuxd and its sandboxes\n"
                                     : "stopped workmuxd; running sandboxes go on\n");
  return kExitOk;
}

absl::StatusOr<int> RunDaemonRestart(const CommandEnv& env) {
  const absl::Status stopped = Stop(/*sandboxes=*/false, env);
  if (!stopped.ok() && !NotRunning(stopped)) return stopped;
  return Start("was restarted", env);
}

}  // namespace workmux::cli
