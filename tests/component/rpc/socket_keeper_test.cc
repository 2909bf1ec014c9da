#include "daemon/rpc/socket_keeper.h"

#include <atomic>

#include "common/io/file.h"
#include "common/io/socket.h"
#include "daemon/async/thread_pool.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

constexpr std::chrono::milliseconds kOften{10};

struct Fixture {
  absl::Status Listen() {
    ++listens;
    WM_RETURN_IF_ERROR(MakePrivateDirectory(dir / "run"));
    WM_ASSIGN_OR_RETURN(listener, ListenUnix(dir / "run/s"));
    return absl::OkStatus();
  }

  test::TempDir dir;
  UniqueFd listener;
  std::atomic<int> listens{0};
  ThreadPool executor{"test", 1, 2};
  EventLoop loop;
};

TEST_CASE("SocketKeeper: a wiped runtime directory gets its socket back, each time") {
  Fixture f;
  REQUIRE_OK(f.Listen());
  SocketKeeper keeper(
      f.loop, f.executor, f.dir / "run/s", [&] { return f.Listen(); }, kOften);
  for (int round = 1; round <= 2; ++round) {
    std::filesystem::remove_all(f.dir / "run");
    CHECK(test::WaitUntil([&] { return ConnectUnix(f.dir / "run/s").ok(); }));
    CHECK(f.listens == round + 1);
  }
  keeper.Stop();
  f.executor.Drain();
}

TEST_CASE("SocketKeeper: what stands at the path is left alone, also another's socket") {
  Fixture f;
  REQUIRE_OK(f.Listen());
  SocketKeeper keeper(
      f.loop, f.executor, f.dir / "run/s", [&] { return f.Listen(); }, kOften);
  const UniqueFd other = test::Must(ListenUnix(f.dir / "run/s"));
  CHECK_FALSE(test::WaitUntil([&] { return f.listens > 1; }, std::chrono::milliseconds(100)));
  keeper.Stop();
  std::filesystem::remove_all(f.dir / "run");
  CHECK_FALSE(test::WaitUntil([&] { return f.listens > 1; }, std::chrono::milliseconds(100)));
}

}  // namespace
}  // namespace workmux::daemon
