#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "cli/app.h"
#include "cli/exit_code.h"
#include "common/base/status.h"
#include "common/process/posix_command_runner.h"

namespace {

int Main(int argc, char** argv) {
  namespace cli = workmux::cli;
  std::signal(SIGPIPE, SIG_IGN);
  // gRPC's threads each take a heap of their own otherwise, for one short call.
  ::mallopt(M_ARENA_MAX, 1);
  ::setenv("GRPC_VERBOSITY", "NONE", 0);
  std::error_code error;
  cli::Invocation invocation;
  invocation.env = workmux::CurrentEnv();
  invocation.cwd = std::filesystem::current_path(error);
  std::error_code unknown;
  invocation.cli_path = std::filesystem::read_symlink("/proc/self/exe", unknown);
  cli::Terminal terminal(STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, invocation.env);
  invocation.interactive = terminal.interactive();
  auto paths = workmux::PathsFrom(invocation.env);
  absl::Status usable = paths.status();
  if (error) {
    usable = workmux::WithHint(workmux::NotFound("the current directory does not exist any more"),
                               "change to a directory that exists");
  }
  const cli::DaemonLauncher launcher(paths.ok() ? *std::move(paths) : workmux::Paths(),
                                     invocation.env);
  cli::DaemonClient daemon(launcher, cli::StartPolicy::kIfNeeded);
  const int code = cli::RunApp({argv + 1, argv + argc}, {.invocation = invocation,
                                                         .terminal = terminal,
                                                         .launcher = launcher,
                                                         .daemon = daemon,
                                                         .usable = usable});
  // Nothing is buffered, and gRPC's threads need not be waited for.
  ::_exit(code);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "workmux: %s\n", error.what());
    return workmux::cli::kExitFailed;
  }
}
