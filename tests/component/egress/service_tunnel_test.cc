#include "daemon/egress/service_tunnel.h"

#include <sys/socket.h>

#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/io/socket.h"
#include "daemon/egress/egress_proxy.h"
#include "tests/component/egress/seen.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::egress {
namespace {

using test::Must;
using test::Seen;
using test::WaitUntil;

class NoNames : public Resolver {
 public:
  asio::awaitable<absl::StatusOr<std::vector<asio::ip::address>>> Resolve(std::string,
                                                                          std::string) override {
    co_return absl::NotFoundError("no such name");
  }
  void Stop() override {}
};

void SetTimeout(int fd) {
  const timeval limit{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
}

std::string Hear(int fd, std::size_t size) {
  std::string heard(size, '\0');
  const ssize_t got = ::recv(fd, heard.data(), size, MSG_WAITALL);
  heard.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return heard;
}

bool Say(int fd, std::string_view text) {
  return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

// A service of this host's loopback, and the proxy with the product's own dialler.
struct World {
  explicit World(const std::string& address = "127.0.0.1", EgressProxy::Limits limits = {})
      : listener(Must(ListenTcp(address, 0))),
        service{"database", Must(LocalPort(listener.get()))} {
    std::signal(SIGPIPE, SIG_IGN);
    proxy.emplace(
        EgressProxy::Parts{
            .resolver = names,
            .dialer = dialer,
            .leads_here = [](const asio::ip::address&) -> absl::StatusOr<bool> { return true; },
            .observer = seen},
        limits);
    REQUIRE_OK(proxy->Open("one", Secret("token"), Policy(),
                           {.socket = dir / "proxy.sock", .services = {service}}));
  }
  UniqueFd Connect() const {
    UniqueFd client = Must(ConnectUnix(dir / "port-database.sock"));
    SetTimeout(client.get());
    return client;
  }
  UniqueFd Accept() const {
    UniqueFd server;
    REQUIRE(WaitUntil([&] {
      server = UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      return server.valid();
    }));
    SetTimeout(server.get());
    return server;
  }

  test::TempDir dir;
  UniqueFd listener;
  HostPort service;
  NoNames names;
  TcpDialer dialer;
  Seen seen;
  std::optional<EgressProxy> proxy;
};

}  // namespace

TEST_CASE("ServiceTunnel: bytes go both ways, each end is told, and the log has the service") {
  for (const std::string address : {"127.0.0.1", "::1"}) {
    INFO(address);
    World world(address);
    UniqueFd client = world.Connect();
    UniqueFd server = world.Accept();
    REQUIRE(Say(client.get(), "query"));
    CHECK(Hear(server.get(), 5) == "query");
    // The service speaks first, and after its client's last word.
    ::shutdown(client.get(), SHUT_WR);
    CHECK(Hear(server.get(), 1).empty());
    REQUIRE(Say(server.get(), "answer"));
    CHECK(Hear(client.get(), 6) == "answer");

    const std::vector<LiveTunnel> live = world.proxy->Tunnels();
    REQUIRE(live.size() == 1);
    CHECK(live[0].service == "database");
    CHECK(live[0].host.empty());
    CHECK(live[0].bytes_up == 5);
    server.Reset();
    CHECK(Hear(client.get(), 1).empty());
    REQUIRE(WaitUntil([&] { return world.seen.endings().size() == 1; }));
    const Ending ending = world.seen.endings()[0];
    CHECK(ending.service == "database");
    CHECK(ending.bytes_up == 5);
    CHECK(ending.bytes_down == 6);
    CHECK(ending.reason.empty());
    REQUIRE(world.seen.decisions().size() == 1);
    const Decision decision = world.seen.decisions()[0];
    CHECK(decision.allowed);
    CHECK(decision.service == "database");
    CHECK(decision.connection == ending.connection);
    CHECK(WaitUntil([&] { return world.proxy->Tunnels().empty(); }));
  }
}

TEST_CASE("ServiceTunnel: where nobody listens the client is hung up on, and the log says so") {
  World world;
  world.listener.Reset();
  const UniqueFd client = world.Connect();
  CHECK(Hear(client.get(), 1).empty());
  REQUIRE(WaitUntil([&] { return world.seen.decisions().size() == 1; }));
  CHECK_FALSE(world.seen.decisions()[0].allowed);
  CHECK(world.seen.decisions()[0].reason == reason::kNotConnected);
  CHECK(world.seen.endings().empty());
}

TEST_CASE("ServiceTunnel: counts among the sandbox's connections, and ends with the sandbox") {
  EgressProxy::Limits limits;
  limits.tunnels_each = 1;
  World world("127.0.0.1", limits);
  const UniqueFd client = world.Connect();
  const UniqueFd server = world.Accept();
  const UniqueFd second = world.Connect();
  CHECK(Hear(second.get(), 1).empty());
  REQUIRE(WaitUntil([&] { return world.seen.decisions().size() == 2; }));
  CHECK(world.seen.decisions()[1].reason == reason::kTooManyTunnels);

  REQUIRE_OK(world.proxy->SetPolicy("one", Policy()));
  REQUIRE(Say(client.get(), "still"));
  CHECK(Hear(server.get(), 5) == "still");
  world.proxy->Close("one");
  CHECK(Hear(client.get(), 1).empty());
  CHECK(Hear(server.get(), 1).empty());
  CHECK_FALSE(ConnectUnix(world.dir / "port-database.sock").ok());
}

}  // namespace workmux::egress
