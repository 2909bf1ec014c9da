#include "tests/support/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <vector>

#include "common/process/posix_command_runner.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::array<UniqueFd, 2> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void SetSize(int fd, Program::Terminal size) {
  winsize window{};
  window.ws_row = size.rows;
  window.ws_col = size.columns;
  ::ioctl(fd, TIOCSWINSZ, &window);
}

}  // namespace

Program::Program(const Command& command, std::optional<Terminal> terminal) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  std::array<UniqueFd, 2> in;
  std::array<UniqueFd, 2> out;
  std::array<UniqueFd, 2> err;
  if (terminal) {
    terminal_.Reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    ::grantpt(terminal_.get());
    ::unlockpt(terminal_.get());
    const std::string slave = ::ptsname(terminal_.get());
    slave_.Reset(::open(slave.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    SetSize(terminal_.get(), *terminal);
    // A session leader's first open of a terminal makes it the controlling one.
    for (int fd = 0; fd < 3; ++fd) {
      posix_spawn_file_actions_addopen(&actions, fd, slave.c_str(), O_RDWR, 0);
    }
  } else {
    in = MakePipe();
    out = MakePipe();
    err = MakePipe();
    posix_spawn_file_actions_adddup2(&actions, in[0].get(), 0);
    posix_spawn_file_actions_adddup2(&actions, out[1].get(), 1);
    posix_spawn_file_actions_adddup2(&actions, err[1].get(), 2);
  }
  posix_spawn_file_actions_addchdir_np(&actions, command.cwd.empty() ? "/" : command.cwd.c_str());
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> env;
  for (const auto& [name, value] : command.env) env.push_back(name + "=" + value);
  const auto path = FindProgram(command.argv.front(), command.env);
  const int error = path.ok() ? ::posix_spawn(&pid_, path->c_str(), &actions, &attributes,
                                              Pointers(arguments).data(), Pointers(env).data())
                              : ENOENT;
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) throw std::runtime_error("cannot start " + command.argv.front());
  stop_.Reset(::eventfd(0, EFD_CLOEXEC));
  if (!terminal) {
    in_ = std::move(in[1]);
    out_fd_ = std::move(out[0]);
    err_fd_ = std::move(err[0]);
  }
  reader_ = std::thread([this] { ReadAll(); });
  if (command.stdin_data.empty()) return;
  Type(command.stdin_data);
  in_.Reset();
}

Program::~Program() {
  if (!Ended()) {
    ::kill(pid_, SIGKILL);
    Wait();
  }
  ::eventfd_write(stop_.get(), 1);
  reader_.join();
}

void Program::Signal(int number) const { ::kill(pid_, number); }

void Program::Type(std::string_view text) const {
  const int fd = terminal_.valid() ? terminal_.get() : in_.get();
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n <= 0) throw std::runtime_error("cannot write to the program");
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void Program::Resize(Terminal size) const { SetSize(terminal_.get(), size); }

termios Program::Modes() const {
  termios modes{};
  if (::tcgetattr(slave_.get(), &modes) != 0) throw std::runtime_error("tcgetattr");
  return modes;
}

void Program::ReadAll() {
  std::array<pollfd, 3> fds = {
      {{.fd = terminal_.valid() ? terminal_.get() : out_fd_.get(), .events = POLLIN, .revents = 0},
       {.fd = err_fd_.valid() ? err_fd_.get() : -1, .events = POLLIN, .revents = 0},
       {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
  while (fds[0].fd >= 0 || fds[1].fd >= 0) {
    if (::poll(fds.data(), fds.size(), -1) < 0) continue;
    if (fds[2].revents != 0) break;
    for (std::size_t i = 0; i < 2; ++i) {
      if (fds[i].fd < 0 || fds[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t n = ::read(fds[i].fd, buffer, sizeof buffer);
      if (n <= 0) {
        fds[i].fd = -1;
        continue;
      }
      MutexLock lock(mu_);
      (i == 0 ? out_ : err_).append(buffer, static_cast<std::size_t>(n));
    }
  }
  MutexLock lock(mu_);
  complete_ = true;
}

std::string Program::out() const {
  MutexLock lock(mu_);
  return out_;
}

std::string Program::err() const {
  MutexLock lock(mu_);
  return err_;
}

bool Program::Prints(std::string_view text, std::chrono::milliseconds limit) const {
  return WaitUntil([&] { return out().find(text) != std::string::npos; }, limit);
}

bool Program::Ended() {
  if (code_) return true;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

int Program::Wait(std::chrono::milliseconds limit) {
  if (!WaitUntil([this] { return Ended(); }, limit)) return -1;
  const auto complete = [this] {
    MutexLock lock(mu_);
    return complete_;
  };
  if (!terminal_.valid()) WaitUntil(complete, std::chrono::seconds(1));
  return *code_;
}

}  // namespace workmux::test
