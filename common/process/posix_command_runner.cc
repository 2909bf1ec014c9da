#include "common/process/posix_command_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/process/pipe.h"
#include "common/process/sigpipe_guard.h"
#include "common/process/spawn.h"

extern char** environ;

namespace workmux {
namespace {

using std::chrono::milliseconds;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr milliseconds kTermGrace{5000};
// A grandchild may hold the pipes open after the child has ended.
constexpr milliseconds kDrain{200};

struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;
  UniqueFd in;
  UniqueFd out;
  UniqueFd err;
};

// A terminal for output only: nothing is echoed, nothing typed becomes a signal.
// It is nobody's controlling terminal.
absl::StatusOr<Pipe> MakeTerminal() {
  int terminal = -1;
  int program = -1;
  termios mode{};
  ::cfmakeraw(&mode);
  ::cfsetspeed(&mode, B38400);
  winsize size{};
  size.ws_row = 40;
  size.ws_col = 120;
  if (::openpty(&terminal, &program, nullptr, &mode, &size) != 0)
    return ErrnoStatus(errno, "openpty");
  Pipe pipe{.read = UniqueFd(terminal), .write = UniqueFd(program)};
  ::fcntl(terminal, F_SETFD, FD_CLOEXEC);
  ::fcntl(program, F_SETFD, FD_CLOEXEC);
  return pipe;
}

absl::StatusOr<Pipe> MakeErrorOutput(const Command& command, const Pipe& out) {
  if (!command.terminal_output) return MakePipe();
  return Pipe{.read = UniqueFd(), .write = UniqueFd(::fcntl(out.write.get(), F_DUPFD_CLOEXEC, 3))};
}

absl::StatusOr<Child> Spawn(const Command& command) {
  WM_ASSIGN_OR_RETURN(Pipe out, command.terminal_output ? MakeTerminal() : MakePipe());
  WM_ASSIGN_OR_RETURN(Pipe err, MakeErrorOutput(command, out));
  Pipe in;
  SpawnOptions options;
  if (command.stdin_data.empty()) {
    options.in.emplace(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!options.in->valid()) return ErrnoStatus(errno, "open /dev/null");
  } else {
    WM_ASSIGN_OR_RETURN(in, MakePipe());
    options.in = std::move(in.read);
  }
  options.out = std::move(out.write);
  options.err = std::move(err.write);
  WM_ASSIGN_OR_RETURN(SpawnedProcess process, SpawnProcess(command, std::move(options)));

  Child child;
  child.pid = process.pid;
  child.pidfd = std::move(process.pidfd);
  child.in = std::move(in.write);
  child.out = std::move(out.read);
  child.err = std::move(err.read);
  for (const UniqueFd* fd : {&child.in, &child.out, &child.err}) {
    if (fd->valid()) ::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  }
  return child;
}

// Drives one child from start to end: feeds stdin, hands over output, and ends
// the group when it is stopped, late, or the receiver refuses more.
class Supervision {
 public:
  using Receiver = absl::FunctionRef<absl::Status(StdStream, std::string_view)>;

  Supervision(Child child, UniqueFd wake, const Command& command, const RunOptions& options,
              Receiver receiver)
      : child_(std::move(child)),
        input_(command.stdin_data),
        name_(command.argv.front()),
        deadline_(std::chrono::steady_clock::now() + options.timeout),
        timeout_(options.timeout),
        receiver_(receiver),
        wake_(std::move(wake)) {}

  absl::StatusOr<ExitStatus> Finish(const std::stop_token& stop) {
    std::stop_callback on_stop(stop, [this] { ::eventfd_write(wake_.get(), 1); });
    std::optional<SteadyTime> drain_until;
    while (!ended_ || child_.out.valid() || child_.err.valid()) {
      if (verdict_.ok() && stop.stop_requested()) End(Cancelled("{} was interrupted", name_));
      const SteadyTime now = std::chrono::steady_clock::now();
      if (!ended_ && verdict_.ok() && now >= deadline_) {
        End(DeadlineExceeded("{} did not finish within {} ms", name_, timeout_.count()));
      }
      if (kill_at_ && now >= *kill_at_) {
        ::kill(-child_.pid, SIGKILL);
        kill_at_.reset();
      }
      if (drain_until && now >= *drain_until) break;
      PollOnce(NextDeadline(drain_until));
      if (ended_ && !drain_until) drain_until = std::chrono::steady_clock::now() + kDrain;
    }
    // What the child left behind in its group must not outlive a refused run. The
    // child is reaped after that: until then nobody else can get its number.
    if (!verdict_.ok()) ::kill(-child_.pid, SIGKILL);
    const ExitStatus exit = Reap(child_.pid);
    if (!verdict_.ok()) return verdict_;
    return exit;
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

  void PollOnce(SteadyTime until) {
    pollfd fds[5];
    nfds_t count = 0;
    const auto add = [&](int fd, short events) {
      fds[count] = {.fd = fd, .events = events, .revents = 0};
      return count++;
    };
    const nfds_t wake = add(wake_.get(), POLLIN);
    const nfds_t pid = add(ended_ ? -1 : child_.pidfd.get(), POLLIN);
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
    if (fds[pid].revents != 0) ended_ = true;
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
  bool ended_ = false;  // and not yet reaped
  absl::Status verdict_;
  std::optional<SteadyTime> kill_at_;
};

absl::StatusOr<ExitStatus> Supervise(const Command& command, const RunOptions& options,
                                     Supervision::Receiver receiver) {
  if (options.stop.stop_requested()) return Cancelled("interrupted");
  // Before the child: without it a stop would not be heard.
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return ErrnoStatus(errno, "eventfd");
  WM_ASSIGN_OR_RETURN(Child child, Spawn(command));
  return Supervision(std::move(child), std::move(wake), command, options, receiver)
      .Finish(options.stop);
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
  const std::string_view dirs =
      path == env.end() ? "/usr/local/bin:/usr/bin:/bin" : std::string_view(path->second);
  for (const std::string& dir : Split(dirs, ':')) {
    // An empty or relative entry would run what lies in the current directory.
    if (!dir.starts_with('/')) continue;
    const std::filesystem::path candidate = std::filesystem::path(dir) / name;
    std::error_code error;
    if (std::filesystem::is_regular_file(candidate, error) &&
        ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return WithHint(WithReason(NotFound("{}: program not found", name), "PROGRAM_NOT_FOUND"),
                  "install it, or add its directory to PATH");
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
