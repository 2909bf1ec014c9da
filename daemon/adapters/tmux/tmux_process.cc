#include "daemon/adapters/tmux/tmux_process.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "common/base/status.h"
#include "common/process/pipe.h"
#include "common/process/spawn.h"

namespace workmux::daemon {

absl::StatusOr<PipedChild> SpawnPiped(std::vector<std::string> argv, const Env& env) {
  WM_ASSIGN_OR_RETURN(Pipe in, MakePipe());
  WM_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  SpawnOptions options;
  options.in = std::move(in.read);
  options.out = std::move(out.write);
  options.err.emplace(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!options.err->valid()) return ErrnoStatus(errno, "open /dev/null");
  const Command command{.argv = std::move(argv), .cwd = "/", .env = env};
  WM_ASSIGN_OR_RETURN(const SpawnedProcess process, SpawnProcess(command, std::move(options)));
  return PipedChild{.pid = process.pid, .in = std::move(in.write), .out = std::move(out.read)};
}

Env TmuxChildEnv(const Env& own) {
  Env env;
  for (const char* name : {"HOME", "USER", "LOGNAME", "SHELL"}) {
    if (const auto it = own.find(name); it != own.end()) env.insert(*it);
  }
  env["LC_ALL"] = "C.UTF-8";
  env["TERM"] = "dumb";
  return env;
}

}  // namespace workmux::daemon
