#include <grpc/grpc.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>

#include "common/base/status.h"
#include "common/base/version.h"
#include "common/process/posix_command_runner.h"
#include "daemon/daemon.h"
#include "daemon/sys/process_limits.h"
#include "daemon/sys/service_notify.h"

namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kAlreadyRunning = 3;

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "workmuxd: %s\n", workmux::MessageOf(status).c_str());
  if (const std::string hint = workmux::HintOf(status); !hint.empty()) {
    std::fprintf(stderr, "hint: %s\n", hint.c_str());
  }
  return status.code() == absl::StatusCode::kAborted ? kAlreadyRunning : kFailed;
}

int Run() {
  // Every thread inherits the mask, so that only sigwait below gets these.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  workmux::daemon::ForbidInspection();
  workmux::daemon::RaiseDescriptorLimit();
  // Never matched by grpc_shutdown: the library's end waits up to 10 s for its
  // poller once a peer, which may be a guest, has left answers unread.
  grpc_init();

  workmux::daemon::Daemon::Options options;
  options.env = workmux::CurrentEnv();
  auto paths = workmux::PathsFrom(options.env);
  if (!paths.ok()) return Fail(paths.status());
  options.paths = *std::move(paths);
  const auto prefix = workmux::InstallPrefix();
  if (!prefix.ok()) return Fail(prefix.status());
  options.guest_dir = *prefix / "lib/workmux/guest";
  // A service manager keeps the log itself.
  options.log_to_stderr = options.env.contains("JOURNAL_STREAM");

  auto daemon = workmux::daemon::Daemon::Start(options);
  if (!daemon.ok()) return Fail(daemon.status());
  workmux::daemon::NotifyServiceManager(options.env, "READY=1");
  int signal = 0;
  for (;;) {
    sigwait(&signals, &signal);
    if (signal != SIGHUP) break;
    // A service manager's reload, or a terminal that goes: that is no reason to stop.
    (*daemon)->Reload();
  }
  workmux::daemon::NotifyServiceManager(options.env, "STOPPING=1");
  (*daemon)->Stop();
  // gRPC's threads still run, so nothing global may be destroyed under them.
  std::fflush(nullptr);
  ::_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::printf("workmuxd %s\n", workmux::kVersion);
    return 0;
  }
  if (argc != 1) {
    std::fputs(
        "usage: workmuxd [--version]\n\nThe daemon of workmux. `workmux` starts it when it is "
        "needed.\n",
        stderr);
    return kUsage;
  }
  return Run();
}
