#include "tests/integration/namespace/plan_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pty.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include <csignal>
#include <cstdlib>
#include <vector>

#include "tests/support/catch.h"

namespace workmux::test {
namespace {

UniqueFd FileWith(const std::string& content) {
  UniqueFd fd(::memfd_create("plan", MFD_CLOEXEC));
  REQUIRE(::write(fd.get(), content.data(), content.size()) ==
          static_cast<ssize_t>(content.size()));
  ::lseek(fd.get(), 0, SEEK_SET);
  return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 100));
}

}  // namespace

PlanProcess::PlanProcess(const daemon::ExecPlan& plan, bool terminal) {
  std::vector<std::pair<int, UniqueFd>> files;
  for (const InheritedFile& file : plan.files)
    files.emplace_back(file.number, FileWith(file.content));
  std::vector<std::string> env_text;
  for (const auto& [name, value] : plan.env) env_text.push_back(name + "=" + value);
  std::vector<char*> env;
  for (std::string& text : env_text) env.push_back(text.data());
  env.push_back(nullptr);
  std::vector<char*> argv;
  for (const std::string& argument : plan.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  int master = -1;
  int slave = -1;
  int pipe[2] = {-1, -1};
  if (terminal) {
    REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
  } else {
    REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
    master = pipe[0];
    slave = pipe[1];
  }
  output_.Reset(master);
  pid_ = ::fork();
  if (pid_ == 0) {
    if (terminal) {
      ::close(master);
      ::login_tty(slave);
    } else {
      const int null = ::open("/dev/null", O_RDONLY);
      ::dup2(null, 0);
      ::dup2(slave, 1);
      ::dup2(slave, 2);
    }
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    for (const auto& [number, fd] : files) ::dup2(fd.get(), number);
    if (!plan.cwd.empty() && ::chdir(plan.cwd.c_str()) != 0) ::_exit(124);
    ::execvpe(argv[0], argv.data(), env.data());
    ::_exit(125);
  }
  ::close(slave);
}

PlanProcess::~PlanProcess() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool PlanProcess::ReadSome(int timeout_ms) {
  pollfd waiting = {output_.get(), POLLIN, 0};
  if (::poll(&waiting, 1, timeout_ms) <= 0) return false;
  char buffer[4096];
  const ssize_t n = ::read(output_.get(), buffer, sizeof buffer);
  if (n <= 0) return false;
  seen_.append(buffer, static_cast<std::size_t>(n));
  return true;
}

bool PlanProcess::ReadUntil(const std::string& text) {
  while (seen_.find(text) == std::string::npos) {
    if (!ReadSome(10'000)) return false;
  }
  return true;
}

ExitStatus PlanProcess::Wait() {
  while (ReadSome(30'000)) {
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  pid_ = -1;
  if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

}  // namespace workmux::test
