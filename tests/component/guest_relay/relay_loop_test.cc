#include "guest/relay_loop.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "common/io/socket.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::guest {
namespace {

constexpr int kPatience = 20'000;  // ms

// One relay in a process of its own, which ends with the test.
class RelayProcess {
 public:
  explicit RelayProcess(const std::filesystem::path& path, std::size_t most = kMostRelayed) {
    std::vector<RelayListener> listeners;
    listeners.push_back({test::Must(ListenTcp("127.0.0.1", 0)), path.native()});
    REQUIRE(::listen(listeners[0].socket.get(), 512) == 0);
    port_ = test::Must(LocalPort(listeners[0].socket.get()));
    pid_ = ::fork();
    if (pid_ == 0) {
      ServeRelay(std::move(listeners), most);
      ::_exit(1);
    }
  }
  ~RelayProcess() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  UniqueFd Connect() const {
    UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
            0);
    return socket;
  }

 private:
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

bool IsReady(int fd, short events, int patience = kPatience) {
  pollfd ready{.fd = fd, .events = events, .revents = 0};
  return ::poll(&ready, 1, patience) == 1;
}

UniqueFd Accept(const UniqueFd& listener) {
  REQUIRE(IsReady(listener.get(), POLLIN));
  UniqueFd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(connection.valid());
  return connection;
}

void Send(const UniqueFd& socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the reader at the other end sees what is missing
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Until the end, or until there are `most` bytes; "(nothing)" when neither comes.
std::string Receive(const UniqueFd& socket, std::size_t most = SIZE_MAX) {
  std::string text;
  std::vector<char> part(65536);
  while (text.size() < most) {
    if (!IsReady(socket.get(), POLLIN)) return text + "(nothing)";
    const ssize_t got =
        ::recv(socket.get(), part.data(), std::min(part.size(), most - text.size()), 0);
    if (got <= 0) return text;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::string Noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

}  // namespace

TEST_CASE("Relay: each side's end is handed on while the other side goes on") {
  const test::TempDir dir;
  const UniqueFd listener = test::Must(ListenUnix(dir / "s"));
  const RelayProcess relay(dir / "s");

  UniqueFd client = relay.Connect();
  UniqueFd server = Accept(listener);
  Send(client, "question");
  ::shutdown(client.get(), SHUT_WR);
  CHECK(Receive(server) == "question");
  Send(server, "answer");
  server.Reset();
  CHECK(Receive(client) == "answer");

  client = relay.Connect();
  server = Accept(listener);
  Send(server, "greeting");
  ::shutdown(server.get(), SHUT_WR);
  CHECK(Receive(client) == "greeting");
  Send(client, "late");
  client.Reset();
  CHECK(Receive(server) == "late");
}

TEST_CASE("Relay: ten megabytes each way at once arrive as they were sent") {
  const test::TempDir dir;
  const UniqueFd listener = test::Must(ListenUnix(dir / "s"));
  const RelayProcess relay(dir / "s");
  const UniqueFd client = relay.Connect();
  const UniqueFd server = Accept(listener);
  const std::string up = Noise(10'000'000, 1);
  const std::string down = Noise(10'000'001, 2);
  const auto send = [](const UniqueFd& socket, const std::string& text) {
    Send(socket, text);
    ::shutdown(socket.get(), SHUT_WR);
  };
  const std::jthread sends_up([&] { send(client, up); });
  const std::jthread sends_down([&] { send(server, down); });
  std::string got_down;
  std::jthread receives([&] { got_down = Receive(client); });
  CHECK((Receive(server) == up));
  receives.join();
  CHECK((got_down == down));
}

TEST_CASE("Relay: a socket that went and came back is used, one that is away closes at once") {
  const test::TempDir dir;
  const RelayProcess relay(dir / "s");
  CHECK(Receive(relay.Connect()).empty());

  UniqueFd listener = test::Must(ListenUnix(dir / "s"));
  UniqueFd client = relay.Connect();
  UniqueFd server = Accept(listener);
  Send(client, "1");
  CHECK(Receive(server, 1) == "1");

  // The file stays when a daemon is killed.
  listener.Reset();
  server.Reset();
  CHECK(Receive(client).empty());
  CHECK(Receive(relay.Connect()).empty());

  listener = test::Must(ListenUnix(dir / "s"));
  client = relay.Connect();
  server = Accept(listener);
  Send(server, "2");
  CHECK(Receive(client, 1) == "2");
}

TEST_CASE("Relay: two hundred connections at once, made before any is taken") {
  const test::TempDir dir;
  const UniqueFd listener = test::Must(ListenUnix(dir / "s"));
  // Shorter than the crowd: the relay has to wait for its turn.
  REQUIRE(::listen(listener.get(), 16) == 0);
  const RelayProcess relay(dir / "s");
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(relay.Connect());
    Send(clients.back(), Format("{:04}", i));
  }
  std::vector<UniqueFd> servers;
  for (int i = 0; i < 200; ++i) {
    servers.push_back(Accept(listener));
    Send(servers.back(), Receive(servers.back(), 4));
  }
  for (int i = 0; i < 200; ++i)
    CHECK(Receive(clients[static_cast<std::size_t>(i)], 4) == Format("{:04}", i));
}

TEST_CASE("Relay: the 513th connection is closed, and has a place once another ended") {
  rlimit descriptors{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &descriptors) == 0);
  descriptors.rlim_cur = std::min<rlim_t>(descriptors.rlim_max, 4096);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &descriptors) == 0);
  const test::TempDir dir;
  const UniqueFd listener = test::Must(ListenUnix(dir / "s"));
  const RelayProcess relay(dir / "s");
  std::vector<UniqueFd> clients;
  std::vector<UniqueFd> servers;
  for (std::size_t i = 0; i < kMostRelayed; ++i) {
    clients.push_back(relay.Connect());
    servers.push_back(Accept(listener));
  }
  CHECK(Receive(relay.Connect()).empty());
  Send(clients[0], "x");
  CHECK(Receive(servers[0], 1) == "x");

  clients.pop_back();
  CHECK(Receive(servers.back()).empty());
  servers.pop_back();
  CHECK(test::WaitUntil([&] {
    const UniqueFd client = relay.Connect();
    if (!IsReady(listener.get(), POLLIN, 50)) return false;
    const UniqueFd server = Accept(listener);
    Send(server, "y");
    return Receive(client, 1) == "y";
  }));
}

}  // namespace workmux::guest
