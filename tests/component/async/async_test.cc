#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "common/io/socket.h"
#include "daemon/async/event_loop.h"
#include "daemon/async/joined_jobs.h"
#include "daemon/async/parallel.h"
#include "daemon/async/serial_executor.h"
#include "daemon/async/thread_pool.h"
#include "tests/fakes/manual_executor.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
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

TEST_CASE("ParallelFor: inside of the pool's only thread it still ends") {
  ThreadPool pool("test", 1, 1);
  std::atomic<int> hits{0};
  std::atomic<bool> ended{false};
  pool.Post([&] {
    ParallelFor(pool, 10, [&](std::size_t) { ++hits; });
    ended = true;
  });
  CHECK(test::WaitUntil([&] { return ended.load(); }));
  CHECK(hits == 10);
}

TEST_CASE("SerialExecutor: one job at a time, in order, while others find a worker") {
  ThreadPool pool("test", 1, 8);
  auto lane = std::make_shared<SerialExecutor>(pool);
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<bool> release{false};
  std::mutex mu;
  std::vector<int> order;
  lane->Post([&] { test::WaitUntil([&] { return release.load(); }); });
  for (int i = 0; i < 100; ++i) {
    lane->Post([&, i] {
      most = std::max(most.load(), ++running);
      std::lock_guard lock(mu);
      order.push_back(i);
      --running;
    });
  }
  CHECK(lane->pending() == 101);
  std::atomic<bool> other{false};
  pool.Post([&] { other = true; });
  CHECK(test::WaitUntil([&] { return other.load(); }));
  release = true;
  CHECK(test::WaitUntil([&] { return lane->pending() == 0; }));
  CHECK(most == 1);
  REQUIRE(order.size() == 100);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("EventLoop: more connections than one turn takes are all accepted") {
  test::TempDir dir;
  EventLoop loop;
  auto listener = test::Must(ListenUnix(dir / "s"));
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(test::Must(ConnectUnix(dir / "s")));
  std::atomic<int> accepted{0};
  auto registration = loop.Accept(std::move(listener), [&](UniqueFd) { ++accepted; });
  CHECK(test::WaitUntil([&] { return accepted == 50; }));
}

TEST_CASE("EventLoop: without free descriptors accepting waits and does not spin") {
  test::TempDir dir;
  EventLoop loop;
  std::atomic<int> accepted{0};
  auto registration = loop.Accept(test::Must(ListenUnix(dir / "s")), [&](UniqueFd) { ++accepted; });
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  UniqueFd client = test::Must(ConnectUnix(dir / "s"));
  REQUIRE(test::WaitUntil([&] { return accepted == 1; }));
  // Every number below the limit is taken; the second client is connected by then.
  std::vector<UniqueFd> taken;
  UniqueFd waiting(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  for (;;) {
    UniqueFd copy(::dup(client.get()));
    if (!copy.valid() || copy.get() > 200) break;
    taken.push_back(std::move(copy));
  }
  const rlimit low{200, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (dir / "s").c_str(), sizeof address.sun_path - 1);
  REQUIRE(::connect(waiting.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
          0);
  const std::clock_t cpu = std::clock();
  CHECK_FALSE(test::WaitUntil([&] { return accepted == 2; }, std::chrono::milliseconds(300)));
  const double busy = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  CHECK(busy < 0.15);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  taken.clear();
  CHECK(test::WaitUntil([&] { return accepted == 2; }));
}

TEST_CASE("ThreadPool: an idle pool gives freed memory back") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::puts("SKIPPED: the sanitizer's allocator keeps what is freed");
  return;
#endif
  const auto resident_mib = [] {
    std::ifstream statm("/proc/self/statm");
    std::size_t size = 0;
    std::size_t resident = 0;
    statm >> size >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) >> 20;
  };
  ThreadPool pool("test", 1, 1, std::chrono::milliseconds(50));
  std::vector<std::string> kept;
  const std::size_t before = resident_mib();
  std::size_t during = 0;
  pool.Post([&] {
    std::vector<std::string> freed;
    // What stays between keeps the heap from shrinking by itself.
    for (int i = 0; i < 100'000; ++i) (i % 1000 == 0 ? kept : freed).emplace_back(1000, 'x');
    during = resident_mib();
  });
  pool.Drain();
  CHECK(during > before + 80);
  CHECK(test::WaitUntil([&] { return resident_mib() < before + 20; }));
  std::atomic<bool> works{false};
  pool.Post([&] { works = true; });
  CHECK(test::WaitUntil([&] { return works.load(); }));
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

TEST_CASE("EventLoop: a registration may outlive its loop") {
  auto loop = std::make_unique<EventLoop>();
  std::atomic<int> calls{0};
  auto timer = loop->After(std::chrono::hours(1), [&] { ++calls; });
  UniqueFd event(::eventfd(0, EFD_CLOEXEC));
  auto readable = loop->WhenReadable(std::move(event), [&] { ++calls; });
  loop.reset();
  std::thread other([&] { timer.reset(); });
  readable.reset();
  other.join();
  CHECK(calls == 0);
}

TEST_CASE("JoinedJobs: requests that wait are joined, one that comes during a run is not lost") {
  test::ManualExecutor executor;
  std::vector<std::string> ran;
  JoinedJobs* again = nullptr;
  int repeats = 1;
  JoinedJobs jobs(executor, [&](const std::string& key) {
    ran.push_back(key);
    if (repeats-- > 0) again->Request(key);
  });
  again = &jobs;
  jobs.Request("a");
  jobs.Request("a");
  CHECK(executor.waiting() == 1);
  CHECK(executor.RunAll() == 2);
  CHECK(ran == std::vector<std::string>{"a", "a"});
  // It has not been forgotten that nothing runs any more.
  jobs.Request("a");
  jobs.Request("b");
  CHECK(executor.RunAll() == 2);
  CHECK(ran == std::vector<std::string>{"a", "a", "a", "b"});
}

TEST_CASE("JoinedJobs: a key is worked on by one at a time and ends with the last request") {
  ThreadPool pool("test", 4, 4);
  std::atomic<int> asked{0};
  std::atomic<int> seen{0};
  std::atomic<int> inside{0};
  std::atomic<bool> overlapped{false};
  JoinedJobs jobs(pool, [&](const std::string&) {
    if (++inside > 1) overlapped = true;
    seen = asked.load();
    --inside;
  });
  std::vector<std::thread> askers;
  for (int i = 0; i < 4; ++i) {
    askers.emplace_back([&] {
      for (int n = 0; n < 500; ++n) {
        ++asked;
        jobs.Request("key");
      }
    });
  }
  for (std::thread& asker : askers) asker.join();
  CHECK(test::WaitUntil([&] { return seen == 2000; }));
  CHECK_FALSE(overlapped);
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
