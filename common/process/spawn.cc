#include "common/process/spawn.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include "common/base/status.h"
#include "common/process/posix_command_runner.h"

namespace workmux {
namespace {

absl::Status WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "write");
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return absl::OkStatus();
}

std::vector<char*> PointersTo(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  return pointers;
}

class SpawnActions {
 public:
  SpawnActions(ProcessGroup group, bool ignore_keyboard_signals) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    if (ignore_keyboard_signals) {
      sigdelset(&all, SIGINT);
      sigdelset(&all, SIGQUIT);
    }
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (group == ProcessGroup::kOwn) {
      posix_spawnattr_setpgroup(&attributes_, 0);
      flags |= POSIX_SPAWN_SETPGROUP;
    }
    if (group == ProcessGroup::kSession) flags |= POSIX_SPAWN_SETSID;
    posix_spawnattr_setflags(&attributes_, static_cast<short>(flags));
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  void Dup(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }
  void Chdir(const std::string& dir) {
    posix_spawn_file_actions_addchdir_np(&actions_, dir.c_str());
  }
  void Close(int fd) { posix_spawn_file_actions_addclose(&actions_, fd); }
  void CloseFrom(int fd) { posix_spawn_file_actions_addclosefrom_np(&actions_, fd); }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// A child inherits what its parent ignores.
class KeyboardSignalsIgnored {
 public:
  explicit KeyboardSignalsIgnored(bool ignore) : ignore_(ignore) {
    if (!ignore_) return;
    struct sigaction ignored {};
    ignored.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &ignored, &interrupt_);
    ::sigaction(SIGQUIT, &ignored, &quit_);
  }
  ~KeyboardSignalsIgnored() {
    if (!ignore_) return;
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGQUIT, &quit_, nullptr);
  }
  KeyboardSignalsIgnored(const KeyboardSignalsIgnored&) = delete;
  KeyboardSignalsIgnored& operator=(const KeyboardSignalsIgnored&) = delete;

 private:
  const bool ignore_;
  struct sigaction interrupt_ {};
  struct sigaction quit_ {};
};

// dup2 onto the target numbers must not overwrite a source that is still
// needed, so every source is first moved above all targets.
absl::StatusOr<UniqueFd> MoveAbove(UniqueFd fd, int floor) {
  UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, floor));
  if (!moved.valid()) return ErrnoStatus(errno, "fcntl(F_DUPFD_CLOEXEC)");
  return moved;
}

}  // namespace

absl::StatusOr<UniqueFd> AnonymousFile(std::string_view content) {
  UniqueFd fd(::memfd_create("workmux", MFD_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "memfd_create");
  WM_RETURN_IF_ERROR(WriteAll(fd.get(), content));
  if (::lseek(fd.get(), 0, SEEK_SET) < 0) return ErrnoStatus(errno, "lseek");
  return fd;
}

absl::StatusOr<SpawnedProcess> SpawnProcess(const Command& command, SpawnOptions options) {
  if (command.argv.empty()) return InvalidArgument("empty command");
  WM_ASSIGN_OR_RETURN(const std::filesystem::path program,
                      FindProgram(command.argv.front(), command.env));
  int floor = 10;
  for (const InheritedFile& file : command.files) floor = std::max(floor, file.number + 1);

  SpawnActions spawn(options.group, command.ignore_keyboard_signals);
  std::vector<UniqueFd> sources;
  std::vector<int> passed;
  const auto pass = [&](UniqueFd source, int target) -> absl::Status {
    WM_ASSIGN_OR_RETURN(UniqueFd moved, MoveAbove(std::move(source), floor));
    spawn.Dup(moved.get(), target);
    sources.push_back(std::move(moved));
    passed.push_back(target);
    return absl::OkStatus();
  };
  if (options.in) WM_RETURN_IF_ERROR(pass(std::move(*options.in), 0));
  if (options.out) WM_RETURN_IF_ERROR(pass(std::move(*options.out), 1));
  if (options.err) WM_RETURN_IF_ERROR(pass(std::move(*options.err), 2));
  for (const InheritedFile& file : command.files) {
    WM_ASSIGN_OR_RETURN(UniqueFd content, AnonymousFile(file.content));
    WM_RETURN_IF_ERROR(pass(std::move(content), file.number));
  }
  // A descriptor of the caller's between those that are passed must go too.
  const int highest =
      passed.empty() ? 2 : std::max(2, *std::max_element(passed.begin(), passed.end()));
  for (int fd = 3; fd < highest; ++fd) {
    if (std::find(passed.begin(), passed.end(), fd) == passed.end()) spawn.Close(fd);
  }
  spawn.CloseFrom(highest + 1);
  if (!command.cwd.empty()) spawn.Chdir(command.cwd.string());

  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> environment;
  environment.reserve(command.env.size());
  for (const auto& [name, value] : command.env) environment.push_back(name + "=" + value);
  auto argv = PointersTo(arguments);
  auto envp = PointersTo(environment);

  SpawnedProcess child;
  const KeyboardSignalsIgnored ignored(command.ignore_keyboard_signals);
  const int error = ::posix_spawn(&child.pid, program.c_str(), spawn.actions(), spawn.attributes(),
                                  argv.data(), envp.data());
  if (error != 0) return ErrnoStatus(error, Format("starting {}", command.argv.front()));
  child.pidfd.Reset(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  if (child.pidfd.valid()) return child;
  // Its end could not be waited for: better no child than one that hangs its caller.
  const int no_pidfd = errno;
  ::kill(child.pid, SIGKILL);
  Reap(child.pid);
  return ErrnoStatus(no_pidfd, "pidfd_open");
}

ExitStatus Reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return {.code = 0, .signal = WTERMSIG(status)};
  return {.code = WEXITSTATUS(status), .signal = 0};
}

}  // namespace workmux
