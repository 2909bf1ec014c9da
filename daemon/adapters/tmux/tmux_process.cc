#include "daemon/adapters/tmux/tmux_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "common/base/status.h"

namespace workmux::daemon {
namespace {

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

// Both ends above 2, so that dup2 in the child overwrites none that it needs.
absl::StatusOr<Pipe> MakeHighPipe() {
  std::array<int, 2> raw{};
  if (::pipe2(raw.data(), O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe2");
  const UniqueFd low_read(raw[0]);
  const UniqueFd low_write(raw[1]);
  Pipe pipe{UniqueFd(::fcntl(raw[0], F_DUPFD_CLOEXEC, 3)),
            UniqueFd(::fcntl(raw[1], F_DUPFD_CLOEXEC, 3))};
  if (!pipe.read.valid() || !pipe.write.valid())
    return ErrnoStatus(errno, "fcntl(F_DUPFD_CLOEXEC)");
  return pipe;
}

class SpawnSetup {
 public:
  SpawnSetup() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_,
        static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
  }
  ~SpawnSetup() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;

  posix_spawn_file_actions_t* actions() { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

absl::StatusOr<PipedChild> SpawnPiped(std::vector<std::string> argv, const Env& env) {
  WM_ASSIGN_OR_RETURN(Pipe in, MakeHighPipe());
  WM_ASSIGN_OR_RETURN(Pipe out, MakeHighPipe());
  SpawnSetup setup;
  posix_spawn_file_actions_adddup2(setup.actions(), in.read.get(), 0);
  posix_spawn_file_actions_adddup2(setup.actions(), out.write.get(), 1);
  posix_spawn_file_actions_addopen(setup.actions(), 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addchdir_np(setup.actions(), "/");
  posix_spawn_file_actions_addclosefrom_np(setup.actions(), 3);

  std::vector<std::string> variables;
  variables.reserve(env.size());
  for (const auto& [name, value] : env) variables.push_back(name + "=" + value);
  std::vector<char*> arguments;
  std::vector<char*> environment;
  for (std::string& word : argv) arguments.push_back(word.data());
  for (std::string& variable : variables) environment.push_back(variable.data());
  arguments.push_back(nullptr);
  environment.push_back(nullptr);

  PipedChild child;
  const int error = ::posix_spawn(&child.pid, arguments.front(), setup.actions(),
                                  setup.attributes(), arguments.data(), environment.data());
  if (error != 0) return ErrnoStatus(error, Format("starting {}", argv.front()));
  child.in = std::move(in.write);
  child.out = std::move(out.read);
  return child;
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
