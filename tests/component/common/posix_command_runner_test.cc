#include "common/process/posix_command_runner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux {
namespace {

using test::Must;
using test::TempDir;
using test::WaitUntil;
using namespace std::string_literals;  // NOLINT(google-build-using-namespace)

Command Shell(std::string script) {
  Command command;
  command.argv = {"/bin/sh", "-c", std::move(script)};
  command.env = {{"PATH", "/usr/bin:/bin"}};
  return command;
}

absl::StatusOr<CommandResult> Run(const Command& command, const RunOptions& options = {}) {
  return PosixCommandRunner().Run(command, options);
}

// The number a script wrote to `file`, once it has.
pid_t PidIn(const std::filesystem::path& file) {
  long long pid = 0;
  REQUIRE(WaitUntil([&] { return ParseInt(Trim(test::ReadWholeFile(file)), pid); }));
  return static_cast<pid_t>(pid);
}

// A killed process that nobody has reaped yet is as good as gone.
bool IsGone(pid_t pid) {
  const std::string stat = test::ReadWholeFile("/proc/" + std::to_string(pid) + "/stat");
  return stat.empty() || stat.find(") Z ") != std::string::npos;
}

TEST_CASE("PosixCommandRunner: a child's exit code and both outputs are its result", "[process]") {
  const CommandResult result = Must(Run(Shell("echo out; echo err >&2; exit 7")));
  CHECK(result.exit.code == 7);
  CHECK(result.exit.signal == 0);
  CHECK_FALSE(result.exit.ok());
  CHECK(result.out == "out\n");
  CHECK(result.err == "err\n");
}

TEST_CASE("PosixCommandRunner: a child's number is not free while its group may be signalled",
          "[process]") {
  TempDir dir;
  const auto file = dir / "pid";
  absl::StatusOr<CommandResult> result;
  std::thread runner([&] {
    // The sleeping one holds the pipes, so the runner waits for a while.
    result = Run(Shell("echo $$ >" + file.string() + "; sleep 1 & exit 0"));
  });
  const pid_t pid = PidIn(file);
  // Sleeps until it has ended, and fails when it was reaped already.
  siginfo_t ended{};
  CHECK(::waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOWAIT) == 0);
  runner.join();
  CHECK(Must(std::move(result)).exit.ok());
  CHECK_FALSE(std::filesystem::exists("/proc/" + std::to_string(pid)));
}

TEST_CASE("PosixCommandRunner: a child's deadly signal is reported as one", "[process]") {
  const CommandResult result = Must(Run(Shell("kill -KILL $$")));
  CHECK(result.exit.signal == SIGKILL);
  CHECK_FALSE(result.exit.ok());
}

TEST_CASE("PosixCommandRunner: a program that does not exist cannot be started", "[process]") {
  Command command = Shell("");
  command.argv = {"no-such-program-of-ours"};
  CHECK_CODE(Run(command), absl::StatusCode::kNotFound);
  command.argv = {"/no/such/file"};
  CHECK_CODE(Run(command), absl::StatusCode::kNotFound);
  command.argv = {};
  CHECK_CODE(Run(command), absl::StatusCode::kInvalidArgument);
}

TEST_CASE("FindProgram: never looks into the current directory", "[process]") {
  TempDir dir;
  test::WriteFile(dir / "tool", "#!/bin/sh\n");
  std::filesystem::permissions(dir / "tool", std::filesystem::perms::owner_all);
  CHECK(Must(FindProgram("tool", {{"PATH", dir.path().string()}})) == dir / "tool");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(dir.path());
  for (const char* path : {"", ":", ".", "./:.."}) {
    INFO(path);
    CHECK_CODE(FindProgram("tool", {{"PATH", path}}), absl::StatusCode::kNotFound);
  }
  std::filesystem::current_path(before);
}

TEST_CASE("PosixCommandRunner: a late child is ended with its whole group", "[process]") {
  TempDir dir;
  RunOptions options;
  options.timeout = std::chrono::milliseconds(300);
  const std::string pid_file = (dir / "pid").string();
  const auto result = Run(Shell("sleep 600 & echo $! > " + pid_file + "; wait"), options);
  CHECK_CODE(result, absl::StatusCode::kDeadlineExceeded);
  CHECK(WaitUntil([pid = PidIn(pid_file)] { return IsGone(pid); }));
}

TEST_CASE("PosixCommandRunner: a stop request ends a running child", "[process]") {
  TempDir dir;
  std::stop_source source;
  RunOptions options;
  options.stop = source.get_token();
  const std::string pid_file = (dir / "pid").string();
  std::jthread stopper([&] {
    const pid_t child = PidIn(pid_file);
    CHECK_FALSE(IsGone(child));
    source.request_stop();
  });
  const auto result = Run(Shell("echo $$ > " + pid_file + "; exec sleep 600"), options);
  CHECK_CODE(result, absl::StatusCode::kCancelled);
  stopper.join();
  CHECK(WaitUntil([pid = PidIn(pid_file)] { return IsGone(pid); }));
}

TEST_CASE("PosixCommandRunner: nothing is started after a stop request", "[process]") {
  TempDir dir;
  std::stop_source source;
  source.request_stop();
  RunOptions options;
  options.stop = source.get_token();
  const std::string witness = (dir / "witness").string();
  CHECK_CODE(Run(Shell("touch " + witness), options), absl::StatusCode::kCancelled);
  CHECK_FALSE(std::filesystem::exists(witness));
}

TEST_CASE("PosixCommandRunner: a child that writes too much is ended", "[process]") {
  RunOptions options;
  options.max_output = 1000;
  CHECK_CODE(Run(Shell("exec yes"), options), absl::StatusCode::kResourceExhausted);
  CHECK(Must(Run(Shell("head -c 1000 /dev/zero"), options)).out.size() == 1000);
}

TEST_CASE("PosixCommandRunner: a grandchild that keeps the pipes open does not hold the result",
          "[process]") {
  const auto start = std::chrono::steady_clock::now();
  const CommandResult result = Must(Run(Shell("sleep 30 & echo $!; exit 0")));
  CHECK(result.exit.ok());
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
  long long pid = 0;
  REQUIRE(ParseInt(Trim(result.out), pid));
  ::kill(static_cast<pid_t>(pid), SIGKILL);
}

TEST_CASE("PosixCommandRunner: the environment is exactly what was given", "[process]") {
  REQUIRE(::setenv("WORKMUX_LEAK", "yes", 1) == 0);
  Command command;
  command.argv = {"/usr/bin/env", "-0"};
  command.env = {{"A", "1"}, {"B", "two words\nand a line"}};
  CHECK(Must(Run(command)).out == "A=1\0B=two words\nand a line\0"s);
  ::unsetenv("WORKMUX_LEAK");
}

TEST_CASE("PosixCommandRunner: stdin is the given data, or empty", "[process]") {
  Command command = Shell("cat");
  CHECK(Must(Run(command)).out.empty());
  command.stdin_data = std::string(300'000, 'x') + "end";
  CHECK(Must(Run(command)).out == command.stdin_data);
}

TEST_CASE("PosixCommandRunner: a child that ignores its stdin still succeeds", "[process]") {
  Command command = Shell("exit 0");
  command.stdin_data = std::string(1'000'000, 'x');
  CHECK(Must(Run(command)).exit.ok());
}

TEST_CASE("PosixCommandRunner: inherited files hold their content under their number",
          "[process]") {
  Command command = Shell("cat <&5; cat <&3; cat /proc/self/fd/3");
  command.files = {{.number = 3, .content = "three\n"}, {.number = 5, .content = "five\n"}};
  CHECK(Must(Run(command)).out == "five\nthree\nthree\n");
}

TEST_CASE("PosixCommandRunner: no descriptor of ours leaks into a child", "[process]") {
  // Deliberately without O_CLOEXEC, as a careless library would open it.
  const UniqueFd careless(::open("/dev/null", O_RDONLY));
  const UniqueFd high(::fcntl(careless.get(), F_DUPFD, 200));
  REQUIRE(high.get() >= 200);
  // Each number is tried by itself: listing a directory would open one more.
  Command command = Shell(
      "fd=0; while [ $fd -lt 256 ]; do [ -e /proc/self/fd/$fd ] && echo $fd; fd=$((fd + 1)); done");
  command.files = {{.number = 4, .content = "x"}, {.number = 7, .content = "y"}};
  CHECK(Must(Run(command)).out == "0\n1\n2\n4\n7\n");
}

TEST_CASE("PosixCommandRunner: the child starts in the given directory", "[process]") {
  TempDir dir;
  Command command = Shell("pwd -P");
  command.cwd = dir.path();
  CHECK(Must(Run(command)).out == dir.path().string() + "\n");
  command.cwd = dir / "none";
  CHECK_FALSE(Run(command).ok());
}

TEST_CASE("PosixCommandRunner: the child has a group of its own and default signals", "[process]") {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  struct sigaction before {};
  REQUIRE(::sigaction(SIGTERM, &ignore, &before) == 0);
  const auto result = Run(Shell("ps -o pgid= -p $$; echo $$; kill -TERM $$; echo survived"));
  ::sigaction(SIGTERM, &before, nullptr);
  const CommandResult ran = Must(result);
  CHECK(ran.exit.signal == SIGTERM);
  const auto lines = SplitLines(ran.out);
  REQUIRE(lines.size() == 2);
  CHECK(Trim(lines[0]) == lines[1]);
}

TEST_CASE("PosixCommandRunner: a program that is given a terminal for its output sees one",
          "[process]") {
  Command command = Shell(
      "test -t 1 && test -t 2 && ! test -t 0 && stty size <&1; "
      "printf 'a\\nb' >&2; exit 3");
  command.terminal_output = true;
  const auto result = Must(PosixCommandRunner().Run(command, {}));
  CHECK(result.exit.code == 3);
  CHECK(result.out == "40 120\na\nb");
  CHECK(result.err.empty());
}

TEST_CASE("PosixCommandRunner: Stream hands over output as it comes", "[process]") {
  TempDir dir;
  const std::string gate = (dir / "gate").string();
  // The child waits for a file that only the receiver of its first line makes.
  const Command command =
      Shell("echo first; while [ ! -e " + gate + " ]; do :; done; echo second >&2");
  std::string out;
  std::string err;
  const auto exit =
      PosixCommandRunner().Stream(command, {}, [&](StdStream stream, std::string_view data) {
        (stream == StdStream::kOut ? out : err) += data;
        if (out == "first\n") test::WriteFile(gate, "");
      });
  CHECK(Must(exit).ok());
  CHECK(out == "first\n");
  CHECK(err == "second\n");
}

}  // namespace
}  // namespace workmux
