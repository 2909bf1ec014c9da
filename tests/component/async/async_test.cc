#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>

#include "daemon/async/event_loop.h"
#include "daemon/async/parallel.h"
#include "daemon/async/thread_pool.h"
#include "tests/support/catch.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

TEST_CASE("ThreadPool: a job that blocks does not keep others from running") {
  ThreadPool pool("test", 1, 4);
  std::atomic<bool> release{false};
  std::atomic<bool> second{false};
  pool.Post([&] { test::WaitUntil([&] { return release.load(); }); });
  pool.Post([&] { second = true; });
  CHECK(test::WaitUntil([&] { return second.load(); }));
  release = true;
}

TEST_CASE("ThreadPool: no more threads than allowed, and every job runs") {
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> done{0};
  {
    ThreadPool pool("test", 1, 3);
    for (int i = 0; i < 200; ++i) {
      pool.Post([&] {
        const int now = ++running;
        int seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        --running;
        ++done;
      });
    }
    pool.Drain();
    CHECK(done == 200);
  }
  CHECK(most <= 3);
}

TEST_CASE("ParallelFor: each index once, done when it returns") {
  ThreadPool pool("test", 1, 4);
  std::vector<std::atomic<int>> hits(50);
  ParallelFor(pool, hits.size(), [&](std::size_t i) { ++hits[i]; });
  for (const auto& hit : hits) CHECK(hit == 1);
  ParallelFor(pool, 0, [&](std::size_t) { FAIL("no index to call"); });
}

TEST_CASE("EventLoop: a timer fires, a dropped one does not") {
  EventLoop loop;
  std::atomic<bool> kept{false};
  std::atomic<bool> dropped{false};
  auto keep = loop.After(std::chrono::milliseconds(20), [&] { kept = true; });
  loop.After(std::chrono::milliseconds(1), [&] { dropped = true; }).reset();
  CHECK(test::WaitUntil([&] { return kept.load(); }));
  CHECK_FALSE(dropped);
}

TEST_CASE("EventLoop: a readable descriptor is told once") {
  EventLoop loop;
  UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  const int number = event.get();
  std::atomic<int> calls{0};
  auto wait = loop.WhenReadable(std::move(event), [&] { ++calls; });
  ::eventfd_write(number, 1);
  CHECK(test::WaitUntil([&] { return calls == 1; }));
}

}  // namespace
}  // namespace workmux::daemon
