#include <arpa/inet.h>
#include <sys/socket.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "common/io/socket.h"
#include "daemon/egress/dialer.h"
#include "daemon/egress/local_route.h"
#include "daemon/egress/threaded_resolver.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::egress {
namespace {

using asio::ip::address;
using asio::ip::make_address;
using namespace std::chrono_literals;
using test::Must;
using test::WaitUntil;

template <class T>
absl::StatusOr<T> Run(asio::io_context& context, asio::awaitable<absl::StatusOr<T>> work) {
  std::optional<absl::StatusOr<T>> result;
  asio::co_spawn(
      context,
      [&result, work = std::move(work)]() mutable -> asio::awaitable<void> {
        result = co_await std::move(work);
      },
      asio::detached);
  context.restart();
  context.run_for(30s);
  REQUIRE(result.has_value());
  return *std::move(result);
}

std::atomic<int> asked;
std::atomic<bool> hangs;

ThreadedResolver::Addresses Answer(const std::string& host) {
  ++asked;
  if (host.starts_with("hang")) {
    while (hangs) std::this_thread::sleep_for(1ms);
  }
  if (host == "none.example.com") return absl::NotFoundError("no such name");
  return std::vector<address>{make_address("1.1.1.1")};
}

struct Hang {
  Hang() { hangs = true; }
  ~Hang() { hangs = false; }
};

}  // namespace

TEST_CASE("ThreadedResolver: an answer is kept and asked for anew later", "[egress]") {
  asked = 0;
  ThreadedResolver::Limits limits;
  limits.kept = 50ms;
  asio::io_context context{1};
  ThreadedResolver resolver(limits, &Answer);
  for (int i = 0; i < 3; ++i)
    CHECK(Must(Run(context, resolver.Resolve("api.example.com", "one"))).size() == 1);
  CHECK(asked == 1);
  REQUIRE(WaitUntil([&] {
    CHECK_OK(Run(context, resolver.Resolve("api.example.com", "one")));
    return asked == 2;
  }));
  CHECK(absl::IsNotFound(Run(context, resolver.Resolve("none.example.com", "one")).status()));
}

TEST_CASE("ThreadedResolver: a lookup that hangs costs its asker alone", "[egress]") {
  ThreadedResolver::Limits limits;
  limits.time = 30ms;
  limits.each_asker = 2;
  limits.threads = 4;
  asio::io_context context{1};
  ThreadedResolver resolver(limits, &Answer);
  const Hang hang;
  const auto ask = [&](const std::string& host, const std::string& asker) {
    return Run(context, resolver.Resolve(host, asker)).status();
  };
  CHECK(absl::IsDeadlineExceeded(ask("hang1.example.com", "one")));
  CHECK(absl::IsDeadlineExceeded(ask("hang2.example.com", "one")));
  // Its time is over, its thread is not free.
  CHECK(absl::IsResourceExhausted(ask("hang3.example.com", "one")));
  CHECK(absl::IsDeadlineExceeded(ask("hang1.example.com", "one")));
  CHECK_OK(ask("api.example.com", "two"));
  hangs = false;
  REQUIRE(WaitUntil([&] { return ask("hang3.example.com", "one").ok(); }));
}

TEST_CASE("ThreadedResolver: more than its threads and queue hold is refused", "[egress]") {
  ThreadedResolver::Limits limits;
  limits.time = 30ms;
  limits.threads = 1;
  limits.waiting = 1;
  asio::io_context context{1};
  ThreadedResolver resolver(limits, &Answer);
  const Hang hang;
  const auto ask = [&](const std::string& host, const std::string& asker) {
    return Run(context, resolver.Resolve(host, asker)).status();
  };
  CHECK(absl::IsDeadlineExceeded(ask("hang1.example.com", "one")));
  CHECK(absl::IsDeadlineExceeded(ask("hang2.example.com", "two")));
  CHECK(absl::IsResourceExhausted(ask("hang3.example.com", "three")));
}

TEST_CASE("ThreadedResolver: the system's answer for the host's own name file", "[egress]") {
  const auto found = Must(ThreadedResolver::LookUp("localhost"));
  CHECK(std::all_of(found.begin(), found.end(),
                    [](const address& one) { return one.is_loopback(); }));
}

TEST_CASE("TcpDialer: a connection to the address that was given", "[egress]") {
  const UniqueFd listener = Must(ListenTcp("127.0.0.1", 0));
  asio::io_context context{1};
  TcpDialer dialer;
  auto dialled =
      Must(Run(context, dialer.Dial({make_address("127.0.0.1")}, Must(LocalPort(listener.get())))));
  CHECK(dialled.address == make_address("127.0.0.1"));
  CHECK(WaitUntil([&] { return UniqueFd(::accept(listener.get(), nullptr, nullptr)).valid(); }));
}

TEST_CASE("TcpDialer: one that refuses makes room for the next at once", "[egress]") {
  const UniqueFd listener = Must(ListenTcp("127.0.0.2", 0));
  asio::io_context context{1};
  TcpDialer dialer({.stagger = 1h, .limit = 1h});
  const auto dialled =
      Must(Run(context, dialer.Dial({make_address("127.0.0.1"), make_address("127.0.0.2")},
                                    Must(LocalPort(listener.get())))));
  CHECK(dialled.address == make_address("127.0.0.2"));
}

TEST_CASE("TcpDialer: one that says nothing is overtaken, and given up in the end", "[egress]") {
  // A full backlog answers no further connection.
  const UniqueFd full(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(full.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
  REQUIRE(::listen(full.get(), 0) == 0);
  const std::uint16_t port = Must(LocalPort(full.get()));
  at.sin_port = htons(port);
  std::vector<UniqueFd> crowd;
  for (int i = 0; i < 4; ++i) {
    crowd.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::connect(crowd.back().get(), reinterpret_cast<const sockaddr*>(&at), sizeof at);
  }
  asio::io_context context{1};
  SECTION("overtaken") {
    const UniqueFd listener = Must(ListenTcp("127.0.0.2", port));
    TcpDialer dialer({.stagger = 20ms, .limit = 1h});
    const auto dialled = Must(
        Run(context, dialer.Dial({make_address("127.0.0.1"), make_address("127.0.0.2")}, port)));
    CHECK(dialled.address == make_address("127.0.0.2"));
  }
  SECTION("given up") {
    TcpDialer dialer({.stagger = 1ms, .limit = 50ms});
    const auto failed = Run(context, dialer.Dial({make_address("127.0.0.1")}, port));
    CHECK(absl::IsDeadlineExceeded(failed.status()));
  }
}

TEST_CASE("LeadsHere: this host's own addresses, and no others", "[egress]") {
  CHECK(Must(LeadsHere(make_address("127.0.0.1"))));
  CHECK(Must(LeadsHere(make_address("127.9.8.7"))));
  CHECK(Must(LeadsHere(make_address("::1"))));
  CHECK_FALSE(Must(LeadsHere(make_address("1.1.1.1"))));
  CHECK_FALSE(Must(LeadsHere(make_address("2606:4700:4700::1111"))));
}

}  // namespace workmux::egress
