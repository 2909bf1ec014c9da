// upstream ADDRESS:PORT: the server that all are measured against. Speaks as much of
// TLS as a client hello: echoes its record, then does what is asked (target.h).
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/unique_fd.h"
#include "tests/bench/egress/target.h"

namespace workmux::bench {
namespace {

constexpr std::size_t kBuffer = 256 * 1024;
constexpr std::size_t kRecordHead = 5;  // RFC 8446 5.1
constexpr std::size_t kAskSize = 9;
constexpr std::size_t kTurn = 4 * 1024 * 1024;

class Server {
 public:
  explicit Server(const sockaddr_in& address) : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_.get(), SOMAXCONN) != 0) {
      Die("the server's address is not to be had");
    }
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event);
  }

  void Run() {
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count =
          ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        auto* const connection =
            static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (connection == nullptr) {
          Accept();
        } else if (!Serve(*connection)) {
          delete connection;
        }
      }
    }
  }

 private:
  enum class State { kHello, kAsk, kEcho, kSend };
  struct Connection {
    UniqueFd fd;
    State state = State::kHello;
    std::string received;  // not yet understood
    std::string unsent;
    std::uint64_t left = 0;
    bool wants_write = false;
  };

  void Accept() {
    for (;;) {
      UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd.valid()) return;
      const int on = 1;
      ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto connection = std::make_unique<Connection>();
      connection->fd = std::move(fd);
      epoll_event event{.events = EPOLLIN, .data = {.ptr = connection.get()}};
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection->fd.get(), &event);
      static_cast<void>(connection.release());  // Run deletes it
    }
  }

  // False: it is over.
  bool Serve(Connection& connection) {
    if (!Write(connection)) return false;
    while (connection.unsent.empty() && connection.state != State::kSend) {
      const ssize_t got = ::recv(connection.fd.get(), buffer_.data(), kChunk, 0);
      if (got < 0 && errno == EAGAIN) break;
      if (got <= 0) return false;
      connection.received.append(buffer_.data(), static_cast<std::size_t>(got));
      Understand(connection);
      if (!Write(connection)) return false;
    }
    Watch(connection);
    return true;
  }

  static void Understand(Connection& connection) {
    std::string& received = connection.received;
    if (connection.state == State::kHello && received.size() >= kRecordHead) {
      const auto high = static_cast<unsigned char>(received[3]);
      const auto low = static_cast<unsigned char>(received[4]);
      const std::size_t size = kRecordHead + std::size_t{high} * 256 + low;
      if (received.size() < size) return;
      connection.unsent = received.substr(0, size);
      received.erase(0, size);
      connection.state = State::kAsk;
    }
    if (connection.state == State::kAsk && received.starts_with('E')) {
      received.erase(0, 1);
      connection.state = State::kEcho;
    } else if (connection.state == State::kAsk && received.size() >= kAskSize) {
      for (std::size_t i = 1; i < kAskSize; ++i)
        connection.left = connection.left << 8 | static_cast<unsigned char>(received[i]);
      connection.state = State::kSend;
    }
    if (connection.state == State::kEcho) connection.unsent += std::exchange(received, {});
  }

  bool Write(Connection& connection) {
    while (!connection.unsent.empty()) {
      const ssize_t sent = ::send(connection.fd.get(), connection.unsent.data(),
                                  connection.unsent.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      connection.unsent.erase(0, static_cast<std::size_t>(sent));
    }
    for (std::size_t turn = 0; connection.state == State::kSend && turn < kTurn;) {
      if (connection.left == 0) {
        connection.state = State::kAsk;
        connection.received.clear();
        break;
      }
      const std::size_t size = std::min<std::uint64_t>(connection.left, buffer_.size());
      const ssize_t sent = ::send(connection.fd.get(), buffer_.data(), size, MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      connection.left -= static_cast<std::uint64_t>(sent);
      turn += static_cast<std::size_t>(sent);
    }
    return true;
  }

  void Watch(Connection& connection) {
    const bool write = !connection.unsent.empty() || connection.state == State::kSend;
    if (write == connection.wants_write) return;
    connection.wants_write = write;
    epoll_event event{.events = write ? EPOLLOUT : EPOLLIN, .data = {.ptr = &connection}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
  }

  static constexpr std::size_t kChunk = 64 * 1024;
  UniqueFd epoll_;
  UniqueFd listener_;
  std::vector<char> buffer_ = std::vector<char>(kBuffer);
};

int Main(int argc, char** argv) {
  if (argc != 2) Die("usage: upstream ADDRESS:PORT");
  rlimit descriptors{};
  ::getrlimit(RLIMIT_NOFILE, &descriptors);
  descriptors.rlim_cur = descriptors.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &descriptors);
  Server server(ParseEndpoint(argv[1]));
  std::printf("ready\n");
  std::fflush(stdout);
  server.Run();
  return 0;
}

}  // namespace
}  // namespace workmux::bench

int main(int argc, char** argv) { return workmux::bench::Main(argc, argv); }
