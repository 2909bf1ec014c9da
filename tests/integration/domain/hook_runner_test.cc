#include "daemon/domain/hook_runner.h"

#include <signal.h>

#include <thread>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/process/posix_command_runner.h"
#include "tests/fakes/fake_progress.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::FakeProgress;
using test::TempDir;

struct Hooks {
  absl::Status Run(std::vector<std::string> commands) {
    HookRun run{"post_create", commands, dir.path(), CurrentEnv(), {{"WM_HANDLE", "a b$x"}}};
    return RunHooks(runner, run, progress, stop.get_token());
  }
  TempDir dir;
  PosixCommandRunner runner;
  FakeProgress progress;
  std::stop_source stop;
};

TEST_CASE("RunHooks: commands run in order in bash, with output line by line", "[hooks]") {
  Hooks hooks;
  REQUIRE_OK(hooks.Run({"echo \"$WM_HANDLE\"; pwd; printf tail", "[[ a == a ]] && echo err >&2"}));
  CHECK(hooks.progress.output ==
        std::vector<std::string>{"O:a b$x", "O:" + hooks.dir.path().string(), "O:tail", "E:err"});
  CHECK(hooks.progress.steps.size() == 2);
}

TEST_CASE("RunHooks: the first failure ends them and is named", "[hooks]") {
  Hooks hooks;
  const absl::Status failed = hooks.Run({"exit 7", "touch ran"});
  CHECK(ReasonOf(failed) == "HOOK_FAILED");
  CHECK(MessageOf(failed) == "the post_create hook 'exit 7' ended with code 7");
  CHECK_FALSE(std::filesystem::exists(hooks.dir / "ran"));
  CHECK(MessageOf(hooks.Run({"kill -9 $$"})).find("signal 9") != std::string::npos);
}

TEST_CASE("RunHooks: cancelling ends the hook and all it started", "[hooks]") {
  Hooks hooks;
  absl::Status status;
  std::thread thread(
      [&] { status = hooks.Run({"sleep 300 & echo $! >pid.tmp; mv pid.tmp pid; wait"}); });
  CHECK(test::WaitUntil([&] { return std::filesystem::exists(hooks.dir / "pid"); }));
  hooks.stop.request_stop();
  thread.join();
  CHECK_CODE(status, absl::StatusCode::kCancelled);
  long long pid = 0;
  REQUIRE(ParseInt(Trim(test::ReadWholeFile(hooks.dir / "pid")), pid));
  CHECK(test::WaitUntil([&] { return ::kill(static_cast<pid_t>(pid), 0) != 0; }));
}

}  // namespace
}  // namespace workmux::daemon
