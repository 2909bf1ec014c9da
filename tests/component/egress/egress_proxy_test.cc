#include "daemon/egress/egress_proxy.h"

#include <absl/strings/escaping.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>

#include "common/base/mutex.h"
#include "common/io/socket.h"
#include "tests/component/egress/seen.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_hello.h"
#include "tests/support/wait_until.h"

namespace workmux::egress {
namespace {

using asio::ip::address;
using asio::ip::make_address;
using namespace std::chrono_literals;
using test::Must;
using test::Seen;
using test::TlsHelloFor;
using test::WaitUntil;

class Names : public Resolver {
 public:
  asio::awaitable<absl::StatusOr<std::vector<address>>> Resolve(std::string host,
                                                                std::string) override {
    const MutexLock lock(mu_);
    ++asked[host];
    const auto found = known.find(host);
    if (found == known.end()) co_return absl::NotFoundError("no such name");
    co_return found->second;
  }
  void Stop() override {}
  Mutex mu_;
  std::map<std::string, std::vector<address>> known;
  std::map<std::string, int> asked;
};

// Public addresses as loopback sockets of the test.
class Wires : public Dialer {
 public:
  asio::awaitable<absl::StatusOr<Dialled>> Dial(std::vector<address> addresses,
                                                std::uint16_t port) override {
    const auto executor = co_await asio::this_coro::executor;
    const MutexLock lock(mu_);
    dialled = addresses;
    last_port = port;
    if (refuse) co_return absl::UnavailableError("refused");
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
      co_return absl::InternalError("socketpair");
    // Ours blocks.
    servers.emplace_back(ends[0]);
    co_return Dialled{asio::posix::stream_descriptor(executor, ends[1]), addresses.front()};
  }
  // The server's end of the newest connection.
  UniqueFd TakeServer() {
    REQUIRE(WaitUntil([&] {
      const MutexLock lock(mu_);
      return !servers.empty();
    }));
    const MutexLock lock(mu_);
    UniqueFd server = std::move(servers.back());
    servers.pop_back();
    return server;
  }
  Mutex mu_;
  std::vector<UniqueFd> servers;
  std::vector<address> dialled;
  std::uint16_t last_port = 0;
  bool refuse = false;
};

struct World {
  explicit World(EgressProxy::Limits limits = {}) {
    std::signal(SIGPIPE, SIG_IGN);
    names.known = {{"api.example.com", {make_address("1.1.1.1")}},
                   {"inner.example.com", {make_address("10.1.2.3")}},
                   {"mirror.example.com", {make_address("10.1.2.3")}},
                   {"loop.example.com", {make_address("127.0.0.1")}},
                   {"here.example.com", {make_address("9.9.9.9")}},
                   {"mixed.example.com", {make_address("127.0.0.1"), make_address("1.0.0.1")}}};
    proxy.emplace(
        EgressProxy::Parts{.resolver = names,
                           .dialer = wires,
                           .leads_here = [](const address& asked) -> absl::StatusOr<bool> {
                             return asked == make_address("9.9.9.9");
                           },
                           .observer = seen},
        limits);
  }
  static Policy Allow(std::vector<std::string> hosts, SniMode sni = SniMode::kEnforce) {
    Policy policy;
    for (const std::string& host : hosts)
      policy.rules.push_back(Must(ParseHostRule(host, host == "mirror.example.com")));
    policy.sni = sni;
    return policy;
  }
  void Open(Policy policy = Allow({"*.example.com", "mirror.example.com"})) {
    CHECK_OK(proxy->Open("one", Secret("token"), std::move(policy), {.socket = socket()}));
  }
  std::filesystem::path socket() const { return dir / "proxy.sock"; }

  test::TempDir dir;
  Names names;
  Wires wires;
  Seen seen;
  std::optional<EgressProxy> proxy;
};

// A program in the sandbox.
class Client {
 public:
  explicit Client(const World& world) : fd_(Must(ConnectUnix(world.socket()))) {
    const timeval limit{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  int fd() const { return fd_.get(); }
  Client& Say(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) break;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return *this;
  }
  Client& Connect(const std::string& host, const std::string& token = "token") {
    return Say("CONNECT " + host + ":443 HTTP/1.1\r\nHost: " + host +
               ":443\r\nProxy-Authorization: Basic " + absl::Base64Escape("workmux:" + token) +
               "\r\n\r\n");
  }
  std::string Hear(std::size_t size) {
    std::string heard(size, '\0');
    const ssize_t got = ::recv(fd_.get(), heard.data(), size, MSG_WAITALL);
    heard.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return heard;
  }
  std::string HearAll() {
    std::string all;
    for (std::string part = Hear(1); !part.empty(); part = Hear(1)) all += part;
    return all;
  }
  void HearEstablished() {
    const std::string expected = "HTTP/1.1 200 Connection Established\r\n\r\n";
    REQUIRE(Hear(expected.size()) == expected);
  }
  void Shut() { ::shutdown(fd_.get(), SHUT_WR); }
  void Leave() { fd_.Reset(); }

 private:
  UniqueFd fd_;
};

std::string HearFrom(int fd, std::size_t size) {
  std::string heard;
  REQUIRE(WaitUntil([&] {
    char buffer[4096];
    const ssize_t got =
        ::recv(fd, buffer, std::min(sizeof buffer, size - heard.size()), MSG_DONTWAIT);
    if (got > 0) heard.append(buffer, static_cast<std::size_t>(got));
    return heard.size() == size || got == 0;
  }));
  return heard;
}

}  // namespace

TEST_CASE("EgressProxy: an allowed host is reached on 443 and bytes go both ways", "[egress]") {
  World world;
  world.Open();
  Client client(world);
  client.Connect("API.example.com.").HearEstablished();
  const std::string hello = TlsHelloFor("api.example.com");
  client.Say(hello);
  const UniqueFd server = world.wires.TakeServer();
  CHECK(HearFrom(server.get(), hello.size()) == hello);
  CHECK(world.wires.last_port == 443);
  REQUIRE(::send(server.get(), "answer", 6, 0) == 6);
  CHECK(client.Hear(6) == "answer");
  client.Say("question").Shut();
  CHECK(HearFrom(server.get(), 9) == "question");  // and the end
  REQUIRE(::send(server.get(), "late", 4, 0) == 4);
  CHECK(client.Hear(4) == "late");
  REQUIRE(world.proxy->Tunnels().size() == 1);
  CHECK(world.proxy->Tunnels()[0].host == "api.example.com");
  ::shutdown(server.get(), SHUT_WR);
  CHECK(client.HearAll().empty());
  REQUIRE(WaitUntil([&] { return world.seen.endings().size() == 1; }));
  const Ending ending = world.seen.endings()[0];
  CHECK(ending.reason.empty());
  CHECK(ending.bytes_up == hello.size() + 8);
  CHECK(ending.bytes_down == 10);
  CHECK(world.seen.Last().allowed);
  CHECK(world.seen.Last().rule == "*.example.com");
  CHECK(world.seen.Last().detail == "1.1.1.1");
  CHECK(world.proxy->Tunnels().empty());
}

TEST_CASE("EgressProxy: bytes that came with the request belong to the tunnel", "[egress]") {
  World world;
  world.Open();
  Client client(world);
  const std::string hello = TlsHelloFor("api.example.com") + "early";
  client.Say("CONNECT api.example.com:443 HTTP/1.1\r\nProxy-Authorization: Basic " +
             absl::Base64Escape("workmux:token") + "\r\n\r\n" + hello);
  client.HearEstablished();
  CHECK(HearFrom(world.wires.TakeServer().get(), hello.size()) == hello);
}

TEST_CASE("EgressProxy: a client is answered while its decision is taken down, and held until then",
          "[egress]") {
  World world;
  std::atomic<bool> taken = false;
  std::atomic<bool> early = false;
  world.seen.before = [&] { early = !WaitUntil([&] { return taken.load(); }); };
  world.Open();
  Client client(world);
  client.Connect("api.example.com").HearEstablished();
  client.Say(TlsHelloFor("api.example.com"));
  const UniqueFd server = world.wires.TakeServer();
  char byte;
  CHECK(::recv(server.get(), &byte, 1, MSG_DONTWAIT) < 0);
  taken = true;
  CHECK(HearFrom(server.get(), 1) == "\x16");
  CHECK_FALSE(early);
  CHECK(world.seen.Last().allowed);
}

TEST_CASE("EgressProxy: refusals say why and what would allow it, and name no address",
          "[egress]") {
  struct Case {
    std::string host;
    std::string token;
    std::string status;
    std::string reason;
    std::string advice;
  };
  const Case known = GENERATE(
      Case{"api.example.com", "wrong", "407", "bad-credentials", "CONNECT host:443"},
      Case{"other.example.org", "token", "403", "host-not-allowed",
           "workmux net allow other.example.org"},
      Case{"missing.example.com", "token", "502", "name-not-resolved", "net log"},
      Case{"inner.example.com", "token", "403", "private-address", "--allow-private-ips inner"},
      Case{"loop.example.com", "token", "403", "forbidden-address", "net log"},
      Case{"here.example.com", "token", "403", "address-of-this-host", "net log"});
  INFO(known.host << " " << known.reason);
  World world;
  world.Open();
  Client client(world);
  const std::string answer = client.Connect(known.host, known.token).HearAll();
  CHECK(answer.starts_with("HTTP/1.1 " + known.status + " "));
  CHECK(answer.find("X-Workmux-Deny: " + known.reason + "\r\n") != std::string::npos);
  CHECK(answer.find(known.advice) != std::string::npos);
  for (const char* address : {"10.1.2.3", "127.0.0.1", "9.9.9.9"})
    CHECK(answer.find(address) == std::string::npos);
  CHECK(world.wires.dialled.empty());
  CHECK_FALSE(world.seen.Last().allowed);
  CHECK(world.seen.Last().reason == known.reason);
  CHECK(world.seen.endings().empty());
}

TEST_CASE("EgressProxy: a name that is not allowed is not even looked up", "[egress]") {
  World world;
  world.Open();
  Client(world).Connect("other.example.org").HearAll();
  Client(world).Connect("api.example.com", "wrong").HearAll();
  CHECK(world.names.asked.empty());
}

TEST_CASE("EgressProxy: only an exact rule that says so opens private addresses", "[egress]") {
  World world;
  world.Open();
  Client client(world);
  client.Connect("mirror.example.com").HearEstablished();
  CHECK(world.seen.Last().rule == "mirror.example.com");
}

TEST_CASE("EgressProxy: of many answers only what is allowed is dialled", "[egress]") {
  World world;
  world.Open();
  Client client(world);
  client.Connect("mixed.example.com").HearEstablished();
  CHECK(world.wires.dialled == std::vector<address>{make_address("1.0.0.1")});
}

TEST_CASE("EgressProxy: what follows must be a TLS hello for the same name", "[egress]") {
  struct Case {
    std::string bytes;
    std::string reason;
  };
  const Case known = GENERATE(Case{TlsHelloFor("evil.example.org"), "other-server-name"},
                              Case{test::TlsRecords(test::TlsHello("")), "no-server-name"},
                              Case{"SSH-2.0-OpenSSH_9.2\r\n", "not-tls"},
                              Case{"CONNECT evil.example.org:443 HTTP/1.1\r\n\r\n", "not-tls"});
  INFO(known.reason);
  World world;
  SECTION("enforced") {
    world.Open();
    Client client(world);
    client.Connect("api.example.com").HearEstablished();
    client.Say(known.bytes);
    const UniqueFd server = world.wires.TakeServer();
    const std::string alert = client.HearAll();
    CHECK(alert == (known.reason == "not-tls" ? "" : std::string("\x15\x03\x03\0\x02\x02\x70", 7)));
    CHECK(HearFrom(server.get(), 1).empty());
    REQUIRE(WaitUntil([&] { return world.seen.endings().size() == 1; }));
    CHECK(world.seen.endings()[0].reason == known.reason);
    CHECK(world.seen.Last().reason == known.reason);
  }
  SECTION("only logged, what is no TLS excepted") {
    world.Open(World::Allow({"*.example.com"}, SniMode::kLog));
    Client client(world);
    client.Connect("api.example.com").HearEstablished();
    client.Say(known.bytes);
    const UniqueFd server = world.wires.TakeServer();
    const std::string expected = known.reason == "not-tls" ? "" : known.bytes;
    CHECK(HearFrom(server.get(), std::max<std::size_t>(1, expected.size())) == expected);
    CHECK(world.seen.Last().reason == known.reason);
    CHECK(world.seen.Last().allowed == (known.reason != "not-tls"));
  }
}

TEST_CASE("EgressProxy: a policy that changes cuts what it forbids, and nothing else", "[egress]") {
  World world;
  world.names.known["www.example.org"] = {make_address("1.1.1.1")};
  world.Open(World::Allow({"api.example.com", "www.example.org", "mirror.example.com"}));
  Client cut(world);
  cut.Connect("api.example.com").HearEstablished();
  cut.Say(TlsHelloFor("api.example.com"));
  const UniqueFd cut_server = world.wires.TakeServer();
  Client kept(world);
  kept.Connect("www.example.org").HearEstablished();
  kept.Say(TlsHelloFor("www.example.org"));
  const UniqueFd kept_server = world.wires.TakeServer();
  CHECK_OK(world.proxy->SetPolicy("one", World::Allow({"www.example.org"})));
  CHECK(cut.HearAll().empty());
  REQUIRE(::send(kept_server.get(), "x", 1, 0) == 1);
  CHECK(kept.Hear(1) == "x");
  REQUIRE(WaitUntil([&] { return world.seen.endings().size() == 1; }));
  CHECK(world.seen.endings()[0].reason == "policy-changed");
  CHECK(Client(world).Connect("api.example.com").HearAll().starts_with("HTTP/1.1 403"));
  CHECK(absl::IsNotFound(world.proxy->SetPolicy("two", {})));
}

TEST_CASE("EgressProxy: each sandbox has its own socket, token and rules", "[egress]") {
  World world;
  world.Open();
  const auto other = world.dir / "other.sock";
  CHECK_OK(world.proxy->Open("two", Secret("second"), World::Allow({"www.example.org"}),
                             {.socket = other}));
  CHECK(
      world.proxy->Open("two", Secret("x"), {}, {.socket = world.dir / "x.sock"}).status().code() ==
      absl::StatusCode::kAlreadyExists);
  CHECK(Client(world).Connect("api.example.com", "second").HearAll().starts_with("HTTP/1.1 407"));
  struct stat info {};
  REQUIRE(::stat(other.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("EgressProxy: a closed sandbox's connections end and no other comes", "[egress]") {
  World world;
  world.Open();
  Client client(world);
  client.Connect("api.example.com").HearEstablished();
  client.Say(TlsHelloFor("api.example.com"));
  const UniqueFd server = world.wires.TakeServer();
  HearFrom(server.get(), TlsHelloFor("api.example.com").size());
  world.proxy->Close("one");
  CHECK(client.HearAll().empty());
  CHECK(HearFrom(server.get(), 1).empty());
  CHECK_FALSE(ConnectUnix(world.socket()).ok());
  // After a restart the same settings are valid again.
  world.Open();
  Client(world).Connect("api.example.com").HearEstablished();
}

TEST_CASE("EgressProxy: who says nothing is cut, and keeps nobody out", "[egress]") {
  EgressProxy::Limits limits;
  limits.asking = 4;
  SECTION("after a time") {
    limits.head_time = 100ms;
    World world(limits);
    world.Open();
    Client silent(world);
    Client slow(world);
    slow.Say("CONNECT api.example.com:443 HTTP/1.1\r\n");
    CHECK(silent.HearAll().empty());
    CHECK(slow.HearAll().empty());
  }
  SECTION("by one who comes later") {
    limits.head_time = 1h;
    World world(limits);
    world.Open();
    std::vector<std::unique_ptr<Client>> flood;
    for (int i = 0; i < 100; ++i) flood.push_back(std::make_unique<Client>(world));
    Client client(world);
    client.Connect("api.example.com").HearEstablished();
    CHECK(flood[0]->HearAll().empty());
  }
  SECTION("inside of its tunnel") {
    limits.hello_time = 100ms;
    World world(limits);
    world.Open();
    Client client(world);
    client.Connect("api.example.com").HearEstablished();
    CHECK(client.HearAll().empty());
    REQUIRE(WaitUntil([&] { return world.seen.endings().size() == 1; }));
    CHECK(world.seen.endings()[0].reason == "too-slow");
  }
}

TEST_CASE("EgressProxy: a tunnel without a byte for too long is cut", "[egress]") {
  EgressProxy::Limits limits;
  limits.idle = {.open = 100ms, .half_closed = 1h};
  if (GENERATE(false, true)) limits.idle = {.open = 1h, .half_closed = 100ms};
  World world(limits);
  world.Open();
  Client client(world);
  client.Connect("api.example.com").HearEstablished();
  client.Say(TlsHelloFor("api.example.com"));
  const UniqueFd server = world.wires.TakeServer();
  if (limits.idle.open == 1h) client.Shut();
  CHECK(client.HearAll().empty());
  REQUIRE(WaitUntil([&] { return world.seen.endings().size() == 1; }));
  CHECK(world.seen.endings()[0].reason == "idle");
}

TEST_CASE("EgressProxy: more tunnels than allowed are refused", "[egress]") {
  EgressProxy::Limits limits;
  SECTION("of one sandbox") { limits.tunnels_each = 2; }
  SECTION("of all") { limits.tunnels = 2; }
  World world(limits);
  world.Open();
  Client first(world);
  first.Connect("api.example.com").HearEstablished();
  Client second(world);
  second.Connect("api.example.com").HearEstablished();
  const std::string answer = Client(world).Connect("api.example.com").HearAll();
  CHECK(answer.find("too-many-tunnels") != std::string::npos);
  first.Leave();
  REQUIRE(WaitUntil(
      [&] { return Client(world).Connect("api.example.com").Hear(12) == "HTTP/1.1 200"; }));
}

TEST_CASE("EgressProxy: random bytes and cut requests end in a refusal or silence", "[egress]") {
  EgressProxy::Limits limits;
  limits.head_time = 50ms;
  World world(limits);
  world.Open();
  std::mt19937 random(7);
  const std::string request = "CONNECT api.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n";
  for (int i = 0; i < 300; ++i) {
    std::string bytes = request;
    for (int k = 0; k < 4; ++k) bytes[random() % bytes.size()] = static_cast<char>(random() & 0xff);
    Client client(world);
    client.Say(i % 2 == 0 ? bytes : bytes.substr(0, random() % bytes.size())).Shut();
    const std::string answer = client.HearAll();
    CHECK((answer.empty() || answer.starts_with("HTTP/1.1 4")));
  }
  CHECK(world.wires.dialled.empty());
}

}  // namespace workmux::egress
