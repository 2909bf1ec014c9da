#include "common/process/posix_command_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/unique_fd.h"

extern char** environ;

namespace workmux {
namespace {

using std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr milliseconds kTermGrace{5000};
// A grandchild may hold the pipes open after the child has ended.
constexpr milliseconds kDrain{200};

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe2");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

absl::Status WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "write");
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> AnonymousFile(std::string_view content) {
  UniqueFd fd(::memfd_create("workmux", MFD_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, "memfd_create");
  WM_RETURN_IF_ERROR(WriteAll(fd.get(), content));
  if (::lseek(fd.get(), 0, SEEK_SET) < 0) return ErrnoStatus(errno, "lseek");
  return fd;
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
  SpawnActions() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, static_cast<short>(POSIX_SPAWN_SETSIGMASK |
                                                              POSIX_SPAWN_SETSIGDEF |
                                                              POSIX_SPAWN_SETPGROUP));
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;

  void Dup(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }
  void Chdir(const std::string& dir) { posix_spawn_file_actions_addchdir_np(&actions_, dir.c_str()); }
  void Close(int fd) { posix_spawn_file_actions_addclose(&actions_, fd); }
  void CloseFrom(int fd) { posix_spawn_file_actions_addclosefrom_np(&actions_, fd); }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// While it lives, a write to a pipe without a reader is an error for this thread
// and not the end of the process, whatever the program does about SIGPIPE.
class SigpipeGuard {
 public:
  SigpipeGuard() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~SigpipeGuard() {
    const timespec no_wait{};
    if (!was_pending_) sigtimedwait(&sigpipe_, nullptr, &no_wait);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

// dup2 onto the target numbers must not overwrite a source that is still
// needed, so every source is first moved above all targets.
absl::StatusOr<UniqueFd> MoveAbove(UniqueFd fd, int floor) {
  UniqueFd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, floor));
  if (!moved.valid()) return ErrnoStatus(errno, "fcntl(F_DUPFD_CLOEXEC)");
  return moved;
}

struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;
};

absl::StatusOr<Child> Spawn(const Command& command) {
  if (command.argv.empty()) return InvalidArgument("empty command");
  WM_ASSIGN_OR_RETURN(const std::filesystem::path program,
                      FindProgram(command.argv.front(), command.env));

  int floor = 10;
  for (const InheritedFile& file : command.files) floor = std::max(floor, file.number + 1);
  WM_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  WM_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  Pipe in;
  UniqueFd stdin_source;
  if (command.stdin_data.empty()) {
    stdin_source.Reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!stdin_source.valid()) return ErrnoStatus(errno, "open /dev/null");
  } else {
    WM_ASSIGN_OR_RETURN(in, MakePipe());
    stdin_source = std::move(in.read);
  }

  SpawnActions spawn;
  std::vector<UniqueFd> sources;
  int highest = 2;
  const auto pass = [&](UniqueFd source, int target) -> absl::Status {
    WM_ASSIGN_OR_RETURN(UniqueFd moved, MoveAbove(std::move(source), floor));
    spawn.Dup(moved.get(), target);
    sources.push_back(std::move(moved));
    highest = std::max(highest, target);
    return absl::OkStatus();
  };
  WM_RETURN_IF_ERROR(pass(std::move(stdin_source), 0));
  WM_RETURN_IF_ERROR(pass(std::move(out.write), 1));
  WM_RETURN_IF_ERROR(pass(std::move(err.write), 2));
  for (const InheritedFile& file : command.files) {
    WM_ASSIGN_OR_RETURN(UniqueFd content, AnonymousFile(file.content));
    WM_RETURN_IF_ERROR(pass(std::move(content), file.number));
  }
  if (!command.cwd.empty()) spawn.Chdir(command.cwd.string());
  // A library may have opened descriptors without O_CLOEXEC: also the gaps
  // between the numbers that were asked for are closed.
  for (int fd = 3; fd < highest; ++fd) {
    const auto is_fd = [fd](const InheritedFile& file) { return file.number == fd; };
    if (std::none_of(command.files.begin(), command.files.end(), is_fd)) spawn.Close(fd);
  }
  spawn.CloseFrom(highest + 1);

  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> environment;
  environment.reserve(command.env.size());
  for (const auto& [name, value] : command.env) environment.push_back(name + "=" + value);
  auto argv = PointersTo(arguments);
  auto envp = PointersTo(environment);

  Child child;
  const int error = ::posix_spawn(&child.pid, program.c_str(), spawn.actions(), spawn.attributes(),
                                  argv.data(), envp.data());
  if (error != 0) return ErrnoStatus(error, Format("starting {}", command.argv.front()));
  child.pidfd.Reset(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  child.in = std::move(in.write);
  child.out = std::move(out.read);
  child.err = std::move(err.read);
  for (const UniqueFd* fd : {&child.in, &child.out, &child.err}) {
    if (fd->valid()) ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  }
  return child;
}

ExitStatus Reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return {.code = 0, .signal = WTERMSIG(status)};
  return {.code = WEXITSTATUS(status), .signal = 0};
}

// Drives one child from start to end: feeds stdin, hands over output, and ends
// the group when it is stopped, late, or the receiver refuses more.
class Supervision {
 public:
  using Receiver = absl::FunctionRef<absl::Status(StdStream, std::string_view)>;

  Supervision(Child child, const Command& command, const RunOptions& options, Receiver receiver)
      : child_(std::move(child)),
        input_(command.stdin_data),
        name_(command.argv.front()),
        deadline_(std::chrono::steady_clock::now() + options.timeout),
        timeout_(options.timeout),
        receiver_(receiver),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  absl::StatusOr<ExitStatus> Finish(const std::stop_token& stop) {
    std::stop_callback on_stop(stop, [this] { ::eventfd_write(wake_.get(), 1); });
    std::optional<SteadyTime> drain_until;
    std::optional<ExitStatus> exit;
    while (!exit || child_.out.valid() || child_.err.valid()) {
      if (verdict_.ok() && stop.stop_requested()) End(Cancelled("{} was interrupted", name_));
      const SteadyTime now = std::chrono::steady_clock::now();
      if (!exit && verdict_.ok() && now >= deadline_) {
        End(DeadlineExceeded("{} did not finish within {} ms", name_, timeout_.count()));
      }
      if (kill_at_ && now >= *kill_at_) {
        ::kill(-child_.pid, SIGKILL);
        kill_at_.reset();
      }
      if (drain_until && now >= *drain_until) break;
      PollOnce(NextDeadline(drain_until), exit);
      if (exit && !drain_until) drain_until = std::chrono::steady_clock::now() + kDrain;
    }
    // What the child left behind in its group must not outlive a refused run.
    if (!verdict_.ok()) {
      ::kill(-child_.pid, SIGKILL);
      return verdict_;
    }
    return *exit;
  }

 private:
  void End(absl::Status why) {
    verdict_ = std::move(why);
    ::kill(-child_.pid, SIGTERM);
    kill_at_ = std::chrono::steady_clock::now() + kTermGrace;
  }

  SteadyTime NextDeadline(const std::optional<SteadyTime>& drain_until) const {
    SteadyTime next = verdict_.ok() ? deadline_ : SteadyTime::max();
    if (kill_at_) next = std::min(next, *kill_at_);
    if (drain_until) next = std::min(next, *drain_until);
    return next;
  }

  void PollOnce(SteadyTime until, std::optional<ExitStatus>& exit) {
    pollfd fds[5];
    nfds_t count = 0;
    const auto add = [&](int fd, short events) {
      fds[count] = {.fd = fd, .events = events, .revents = 0};
      return count++;
    };
    const nfds_t wake = add(wake_.get(), POLLIN);
    const nfds_t pid = add(exit ? -1 : child_.pidfd.get(), POLLIN);
    const nfds_t out = add(child_.out.get(), POLLIN);
    const nfds_t err = add(child_.err.get(), POLLIN);
    const nfds_t in = add(child_.in.get(), POLLOUT);
    int wait_ms = -1;
    if (until != SteadyTime::max()) {
      const auto left = std::chrono::ceil<milliseconds>(until - std::chrono::steady_clock::now());
      wait_ms = static_cast<int>(std::clamp<long long>(left.count(), 0, 1'000'000'000));
    }
    if (::poll(fds, count, wait_ms) <= 0) return;
    if (fds[wake].revents != 0) {
      eventfd_t ignored = 0;
      ::eventfd_read(wake_.get(), &ignored);
    }
    if (fds[in].revents != 0) Feed();
    if (fds[out].revents != 0) Read(child_.out, StdStream::kOut);
    if (fds[err].revents != 0) Read(child_.err, StdStream::kErr);
    if (fds[pid].revents != 0) exit = Reap(child_.pid);
  }

  void Feed() {
    const SigpipeGuard guard;
    const ssize_t n = ::write(child_.in.get(), input_.data(), input_.size());
    const int error = n < 0 ? errno : 0;
    if (n > 0) input_.remove_prefix(static_cast<std::size_t>(n));
    // A child may end without reading its input; that is its own affair.
    if (input_.empty() || (error != 0 && error != EAGAIN && error != EINTR)) child_.in.Reset();
  }

  void Read(UniqueFd& fd, StdStream stream) {
    char buffer[65536];
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
      fd.Reset();
      return;
    }
    if (!verdict_.ok()) return;
    absl::Status taken = receiver_(stream, std::string_view(buffer, static_cast<std::size_t>(n)));
    if (!taken.ok()) End(std::move(taken));
  }

  Child child_;
  std::string_view input_;
  std::string name_;
  SteadyTime deadline_;
  milliseconds timeout_;
  Receiver receiver_;
  UniqueFd wake_;
  absl::Status verdict_;
  std::optional<SteadyTime> kill_at_;
};

absl::StatusOr<ExitStatus> Supervise(const Command& command, const RunOptions& options,
                                     Supervision::Receiver receiver) {
  if (options.stop.stop_requested()) return Cancelled("interrupted");
  WM_ASSIGN_OR_RETURN(Child child, Spawn(command));
  return Supervision(std::move(child), command, options, receiver).Finish(options.stop);
}

}  // namespace

absl::StatusOr<CommandResult> PosixCommandRunner::Run(const Command& command,
                                                      const RunOptions& options) {
  CommandResult result;
  const auto keep = [&](StdStream stream, std::string_view data) -> absl::Status {
    std::string& kept = stream == StdStream::kOut ? result.out : result.err;
    if (kept.size() + data.size() > options.max_output) {
      return ResourceExhausted("{} wrote more than {} bytes", command.argv.front(),
                               options.max_output);
    }
    kept += data;
    return absl::OkStatus();
  };
  WM_ASSIGN_OR_RETURN(result.exit, Supervise(command, options, keep));
  return result;
}

absl::StatusOr<ExitStatus> PosixCommandRunner::Stream(const Command& command,
                                                      const RunOptions& options,
                                                      OutputFn on_output) {
  const auto hand_over = [&](StdStream stream, std::string_view data) -> absl::Status {
    on_output(stream, data);
    return absl::OkStatus();
  };
  return Supervise(command, options, hand_over);
}

absl::StatusOr<std::filesystem::path> FindProgram(std::string_view name, const Env& env) {
  if (name.find('/') != std::string_view::npos) return std::filesystem::path(name);
  const auto path = env.find("PATH");
  const std::string_view dirs = path == env.end() ? "/usr/local/bin:/usr/bin:/bin" : std::string_view(path->second);
  for (const std::string& dir : Split(dirs, ':')) {
    // An empty or relative entry would run what lies in the current directory.
    if (!dir.starts_with('/')) continue;
    const std::filesystem::path candidate = std::filesystem::path(dir) / name;
    std::error_code error;
    if (std::filesystem::is_regular_file(candidate, error) && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return WithReason(NotFound("{}: program not found", name), "PROGRAM_NOT_FOUND");
}

Env CurrentEnv() {
  Env env;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=', 1);
    if (equals == std::string_view::npos) continue;
    env.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return env;
}

}  // namespace workmux
