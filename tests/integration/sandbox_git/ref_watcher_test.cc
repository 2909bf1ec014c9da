#include "daemon/sandbox_git/ref_watcher.h"

#include <unistd.h>
#include <atomic>
#include <fstream>

#include "tests/integration/sandbox_git/boundary.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

using daemon::RefWatcher;

struct Signals {
  std::atomic<int> guest{0};
  std::atomic<int> host{0};
  RefWatcher::OnMoved Receiver() {
    return [this](const std::filesystem::path&, RefWatcher::Side side) {
      ++(side == RefWatcher::Side::kGuest ? guest : host);
    };
  }
};

// Voluntary context switches of this process's threads but the caller's.
long WakeUps() {
  long sum = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(::getpid())) continue;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("voluntary_ctxt_switches:")) sum += std::stol(line.substr(24));
    }
  }
  return sum;
}

TEST_CASE("RefWatcher: a commit inside and a commit outside are told apart", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  Signals signals;
  const auto watcher = Must(RefWatcher::Start(signals.Receiver()));
  REQUIRE_OK(watcher->Watch(boundary.worktree, boundary.dir));
  boundary.MustInside("git commit -q --allow-empty -m x");
  CHECK(WaitUntil([&] { return signals.guest > 0; }));
  CHECK(signals.host == 0);
  const int guest = signals.guest;
  world.Run(world.main(), "git branch deep/er/one");
  CHECK(WaitUntil([&] { return signals.host > 0; }));
  const int host = signals.host;
  world.Run(world.main(), "git branch deep/er/two");
  CHECK(WaitUntil([&] { return signals.host > host; }));
  CHECK(signals.guest == guest);
}

TEST_CASE("RefWatcher: a branch in directories that come and go is still seen", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  world.Run(world.wt(), "git checkout -q -b deep/er/topic");
  Boundary boundary(world, world.Linked("wt", "deep/er/topic"));
  Signals signals;
  const auto watcher = Must(RefWatcher::Start(signals.Receiver()));
  REQUIRE_OK(watcher->Watch(boundary.worktree, boundary.dir));
  for (int round = 0; round < 3; ++round) {
    const int before = signals.guest;
    boundary.MustInside("git commit -q --allow-empty -m x; git pack-refs --all --prune");
    CHECK(WaitUntil([&] { return signals.guest > before; }));
  }
  boundary.MustInside("git commit -q --allow-empty -m last");
  CHECK(WaitUntil([&] {
    return boundary.Import().ok() &&
           boundary.HostTip("deep/er/topic") == boundary.MustInside("git rev-parse HEAD");
  }));
}

TEST_CASE("RefWatcher: nothing wakes while nothing moves, nor after Forget", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  Signals signals;
  const auto watcher = Must(RefWatcher::Start(signals.Receiver()));
  REQUIRE_OK(watcher->Watch(boundary.worktree, boundary.dir));
  boundary.MustInside("git commit -q --allow-empty -m x");
  REQUIRE(WaitUntil([&] { return signals.guest > 0; }));
  REQUIRE(WaitUntil([last = WakeUps(), stable = 0]() mutable {
    const long now = WakeUps();
    stable = now == last ? stable + 1 : 0;
    last = now;
    return stable > 20;
  }));
  const long before = WakeUps();
  boundary.MustInside("git status; echo 9 >> f; git diff");
  CHECK(WakeUps() - before == 0);

  watcher->Forget(boundary.dir.path());
  const int guest = signals.guest;
  boundary.MustInside("git commit -q --allow-empty -m y");
  world.Run(world.main(), "git branch z");
  CHECK(signals.guest == guest);
  CHECK(signals.host == 0);
}

TEST_CASE("RefWatcher: links of the guest's are not followed", "[git]") {
  if (!CanSandbox()) return;
  GitWorld world;
  Boundary boundary(world);
  boundary.MustInside("d=$(git rev-parse --git-common-dir); rm -rf $d/refs/heads; ln -s " +
                      world.main().string() + " $d/refs/heads");
  Signals signals;
  const auto watcher = Must(RefWatcher::Start(signals.Receiver()));
  REQUIRE_OK(watcher->Watch(boundary.worktree, boundary.dir));
  WriteFile(world.main() / "x", "not a ref");
  world.Run(world.main(), "git branch signal");
  CHECK(WaitUntil([&] { return signals.host > 0; }));
  CHECK(signals.guest == 0);
}

}  // namespace
}  // namespace workmux::test
