#include "daemon/egress/dialer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>

#include <algorithm>
#include <cerrno>
#include <list>
#include <memory>
#include <optional>
#include <utility>

#include "common/base/status.h"

namespace workmux::egress {
namespace {

using asio::ip::address;
using asio::ip::tcp;
using asio::posix::stream_descriptor;

// Shared by the attempts, which may outlive the one who asked.
struct Race {
  explicit Race(const asio::any_io_executor& executor) : changed(executor) {}
  asio::steady_timer changed;  // cancelled when an attempt ends
  std::optional<Dialer::Dialled> winner;
  absl::Status failure = Unavailable("no address");
  std::list<stream_descriptor*> connecting;
  std::size_t running = 0;
};

absl::Status CheckPeer(int fd, const tcp::endpoint& dialled) {
  tcp::endpoint peer;
  auto size = static_cast<socklen_t>(peer.capacity());
  if (::getpeername(fd, peer.data(), &size) != 0) return ErrnoStatus(errno, "getpeername");
  peer.resize(size);
  return peer == dialled ? absl::OkStatus() : Internal("another address answered");
}

// Ends early with an error when `waiting` is cancelled.
asio::awaitable<absl::Status> AwaitConnection(stream_descriptor& waiting) {
  asio::error_code error;
  co_await waiting.async_wait(stream_descriptor::wait_write,
                              asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return Cancelled("connect");
  int outcome = 0;
  socklen_t size = sizeof outcome;
  if (::getsockopt(waiting.native_handle(), SOL_SOCKET, SO_ERROR, &outcome, &size) != 0)
    outcome = errno;
  co_return outcome == 0 ? absl::OkStatus() : ErrnoStatus(outcome, "connect");
}

asio::awaitable<absl::StatusOr<stream_descriptor>> Connect(Race& race, tcp::endpoint endpoint) {
  stream_descriptor stream(race.changed.get_executor());
  const int fd = ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                          IPPROTO_TCP);
  if (fd < 0) co_return ErrnoStatus(errno, "socket");
  asio::error_code failed;
  stream.assign(fd, failed);
  if (failed) {
    ::close(fd);
    co_return ErrnoStatus(failed.value(), "epoll");
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0) {
    if (errno != EINPROGRESS) co_return ErrnoStatus(errno, "connect");
    const auto waiting = race.connecting.insert(race.connecting.end(), &stream);
    const absl::Status connected = co_await AwaitConnection(stream);
    race.connecting.erase(waiting);
    if (!connected.ok()) co_return connected;
  }
  if (const absl::Status peer = CheckPeer(fd, endpoint); !peer.ok()) co_return peer;
  co_return std::move(stream);
}

asio::awaitable<void> Attempt(std::shared_ptr<Race> race, tcp::endpoint endpoint) {
  absl::StatusOr<stream_descriptor> stream = co_await Connect(*race, endpoint);
  --race->running;
  if (!stream.ok()) {
    race->failure = stream.status();
  } else if (!race->winner) {
    race->winner.emplace(Dialer::Dialled{*std::move(stream), endpoint.address()});
  }
  race->changed.cancel();
}

// Until an attempt ends or the time is over.
asio::awaitable<void> AwaitChange(Race& race, std::chrono::steady_clock::time_point until) {
  race.changed.expires_at(until);
  asio::error_code ignored;
  co_await race.changed.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace

asio::awaitable<absl::StatusOr<Dialer::Dialled>> TcpDialer::Dial(std::vector<address> addresses,
                                                                 std::uint16_t port) {
  const auto executor = co_await asio::this_coro::executor;
  auto race = std::make_shared<Race>(executor);
  const auto deadline = std::chrono::steady_clock::now() + times_.limit;
  for (std::size_t next = 0;;) {
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) race->failure = DeadlineExceeded("nobody answered in time");
    if (race->winner || now >= deadline || (next == addresses.size() && race->running == 0)) break;
    auto until = deadline;
    if (next < addresses.size()) {
      ++race->running;
      asio::co_spawn(executor, Attempt(race, tcp::endpoint(addresses[next++], port)),
                     asio::detached);
      if (race->winner || race->running == 0) continue;
      if (next < addresses.size()) until = std::min(deadline, now + times_.stagger);
    }
    co_await AwaitChange(*race, until);
  }
  for (stream_descriptor* const waiting : race->connecting) waiting->cancel();
  if (race->winner) {
    Dialled dialled = *std::move(race->winner);
    co_return std::move(dialled);
  }
  co_return race->failure;
}

}  // namespace workmux::egress
