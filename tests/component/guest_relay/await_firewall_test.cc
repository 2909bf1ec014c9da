#include "guest/firewall/await.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <atomic>
#include <string>
#include <thread>

#include "common/base/status.h"
#include "common/io/socket.h"
#include "daemon/async/thread_pool.h"
#include "daemon/guest/socket_gates.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::guest {
namespace {

// Takes one connection, says its word and goes.
absl::Status After(const std::string& word) {
  const test::TempDir dir;
  const std::filesystem::path socket = dir / "s";
  const UniqueFd listener = test::Must(ListenUnix(socket));
  REQUIRE(::fcntl(listener.get(), F_SETFL, 0) == 0);
  std::jthread host([&] {
    const UniqueFd guest(::accept(listener.get(), nullptr, nullptr));
    static_cast<void>(::send(guest.get(), word.data(), word.size(), MSG_NOSIGNAL));
  });
  return AwaitFirewall(socket, "127.0.0.1");
}

}  // namespace

// Control: with the right word it goes on to try by itself, and finds this test's network
// open.
TEST_CASE("AwaitFirewall: nothing but the right word counts") {
  CHECK(MessageOf(After("ok\n")).find("the network is not restricted") == 0);
  for (const std::string word : {"", "ok", "o", "ok\nno\n", "OK\n", "no\n", "yes\nok\n", "\n"}) {
    INFO(word);
    CHECK(MessageOf(After(word)) == "the host went away");
  }
  CHECK(MessageOf(After(std::string(1 << 20, 'o'))) == "the host's word is not understood");
  const absl::Status refused = After("no\nwhy\nwhat helps\n");
  CHECK(MessageOf(refused) == "why");
  CHECK(HintOf(refused) == "what helps");
  CHECK(HintOf(After("no\nwhy\n\n")).empty());
  CHECK(MessageOf(AwaitFirewall("/nonexistent/s", "127.0.0.1")) ==
        "no host waits to put the firewall up");
}

TEST_CASE("SocketGates: one question is answered, and only while the gate is open") {
  const test::TempDir dir;
  daemon::EventLoop loop;
  daemon::ThreadPool executor("test", 1, 2);
  daemon::SocketGates gates(loop, executor);
  const auto socket = dir / "gate/s";
  std::atomic<int> asked = 0;
  REQUIRE_OK(gates.Open("one", socket, [&asked] {
    ++asked;
    return WithHint(FailedPrecondition("no\nway {}", std::string(5000, 'x')), "a hint");
  }));
  CHECK_FALSE(gates.Open("one", socket, [] { return absl::OkStatus(); }).ok());
  REQUIRE_OK(gates.Open("two", dir / "second/s", [] { return absl::OkStatus(); }));
  const absl::Status first = AwaitFirewall(socket, "127.0.0.1");
  // One line each, however long and whatever is in it.
  CHECK(MessageOf(first).find("no?way xxx") == 0);
  CHECK(MessageOf(first).size() == 1000);
  CHECK(HintOf(first) == "a hint");
  CHECK(MessageOf(AwaitFirewall(socket, "127.0.0.1")) == "the host went away");
  CHECK(asked == 1);
  gates.Close("one");
  CHECK_FALSE(std::filesystem::exists(dir / "gate"));
  CHECK(MessageOf(AwaitFirewall(socket, "127.0.0.1")) == "no host waits to put the firewall up");
  CHECK(MessageOf(AwaitFirewall(dir / "second/s", "127.0.0.1"))
            .find("the network is not restricted") == 0);
}

}  // namespace workmux::guest
