#include "cli/client/daemon_launcher.h"

#include <sys/stat.h>

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::cli {
namespace {

// Something that can be started as the daemon and never listens.
struct LauncherFixture {
  explicit LauncherFixture(const std::string& script) {
    test::WriteFile(dir / "d", "#!/bin/sh\n" + script);
    ::chmod((dir / "d").c_str(), 0700);
  }
  DaemonLauncher Make(Env extra = {}) const {
    Env env = {{"HOME", dir.path().string()},
               {"PATH", "/usr/bin:/bin"},
               {"WORKMUX_DAEMON", (dir / "d").string()}};
    env.merge(extra);
    return {test::Must(PathsFrom(env)), env};
  }
  bool started() const { return std::filesystem::exists(dir / "started"); }
  test::TempDir dir;
};

constexpr char kFails[] = ": >\"$HOME/started\"\necho 'no state directory' >&2\nexit 1\n";

TEST_CASE("DaemonLauncher: a daemon that ends at once leaves its last words", "[cli]") {
  const LauncherFixture f(kFails);
  const auto connected = f.Make().Connect(StartPolicy::kIfNeeded);
  CHECK_CODE(connected, absl::StatusCode::kUnavailable);
  CHECK(MessageOf(connected.status()).find("no state directory") != std::string::npos);
  CHECK(f.started());
}

TEST_CASE("DaemonLauncher: WORKMUX_NO_SPAWN starts nothing", "[cli]") {
  const LauncherFixture f(kFails);
  CHECK_CODE(f.Make({{"WORKMUX_NO_SPAWN", "1"}}).Connect(StartPolicy::kIfNeeded),
             absl::StatusCode::kUnavailable);
  CHECK_FALSE(f.started());
}

TEST_CASE("DaemonLauncher: what the user stopped stays stopped until it is wanted again", "[cli]") {
  const LauncherFixture f(kFails);
  const DaemonLauncher launcher = f.Make();
  REQUIRE_OK(launcher.MarkStopped());
  CHECK_FALSE(launcher.Connect(StartPolicy::kUnlessStopped).ok());
  CHECK_FALSE(f.started());
  CHECK(launcher.stopped());
  CHECK_FALSE(launcher.Connect(StartPolicy::kIfNeeded).ok());
  CHECK(f.started());
  CHECK_FALSE(launcher.stopped());
}

TEST_CASE("DaemonLauncher: the daemon has its own session and no descriptor of ours", "[cli]") {
  const LauncherFixture f(
      "ls /proc/self/fd | wc -l >\"$HOME/fds\"\n"
      "[ \"$(ps -o sid= -p $$ | tr -d ' ')\" = $$ ] && echo leader >\"$HOME/session\"\nexit 1\n");
  CHECK_FALSE(f.Make().Connect(StartPolicy::kIfNeeded).ok());
  // 0, 1, 2, and the directory that ls reads.
  CHECK(test::ReadWholeFile(f.dir / "fds") == "4\n");
  CHECK(test::ReadWholeFile(f.dir / "session") == "leader\n");
}

}  // namespace
}  // namespace workmux::cli
