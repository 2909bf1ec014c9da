#include "tests/component/cli/cli_process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "tests/support/catch.h"
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
  REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace

CliProcess::CliProcess(const Options& options) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  std::array<UniqueFd, 2> out;
  std::array<UniqueFd, 2> err;
  if (options.tty) {
    terminal_.Reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(::grantpt(terminal_.get()) == 0);
    REQUIRE(::unlockpt(terminal_.get()) == 0);
    const std::string slave = ::ptsname(terminal_.get());
    slave_.Reset(::open(slave.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    // A session leader's first open of a terminal makes it the controlling one.
    for (int fd = 0; fd < 3; ++fd) {
      posix_spawn_file_actions_addopen(&actions, fd, slave.c_str(), O_RDWR, 0);
    }
  } else {
    out = MakePipe();
    err = MakePipe();
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out[1].get(), 1);
    posix_spawn_file_actions_adddup2(&actions, err[1].get(), 2);
  }
  posix_spawn_file_actions_addchdir_np(&actions, options.cwd.c_str());
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::vector<std::string> arguments = {WORKMUX_CLI};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<std::string> env = {"PATH=/usr/bin:/bin"};
  for (const auto& [name, value] : options.env) env.push_back(name + "=" + value);
  const int error = ::posix_spawn(&pid_, WORKMUX_CLI, &actions, &attributes,
                                  Pointers(arguments).data(), Pointers(env).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  REQUIRE(error == 0);
  if (options.tty) {
    readers_.emplace_back([this] { Read(terminal_.get(), out_); });
    return;
  }
  out_fd_ = std::move(out[0]);
  err_fd_ = std::move(err[0]);
  readers_.emplace_back([this] { Read(out_fd_.get(), out_); });
  readers_.emplace_back([this] { Read(err_fd_.get(), err_); });
}

CliProcess::~CliProcess() {
  if (!code_) {
    ::kill(pid_, SIGKILL);
    Wait();
  }
  slave_.Reset();
  for (auto& reader : readers_) reader.join();
}

void CliProcess::Signal(int number) const { ::kill(pid_, number); }

void CliProcess::Type(const std::string& text) const {
  REQUIRE(::write(terminal_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

void CliProcess::Read(int fd, std::string& into) {
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;) {
    MutexLock lock(mu_);
    into.append(buffer, static_cast<std::size_t>(n));
  }
}

std::string CliProcess::out() const {
  MutexLock lock(mu_);
  return out_;
}

std::string CliProcess::err() const {
  MutexLock lock(mu_);
  return err_;
}

int CliProcess::Wait() {
  int status = 0;
  const bool ended = WaitUntil([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; },
                               std::chrono::seconds(20));
  if (!ended) return -1;
  code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  // On pipes the output is complete when nobody holds them any more.
  if (!terminal_.valid()) {
    for (auto& reader : readers_) reader.join();
    readers_.clear();
  }
  return *code_;
}

termios CliProcess::modes() const {
  termios modes{};
  REQUIRE(::tcgetattr(slave_.get(), &modes) == 0);
  return modes;
}

}  // namespace workmux::test
