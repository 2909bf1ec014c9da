#include "guest/relay_loop.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <memory>
#include <utility>

#include "common/relay/pipe_pool.h"
#include "common/relay/pump.h"

namespace workmux::guest {
namespace {

using Stream = asio::posix::stream_descriptor;
using std::chrono::milliseconds;

// The pipes of all sandboxes of a user come from one allowance, pipe(7).
constexpr PipePool::Limits kPipes = {.pipes = 32, .idle = 2, .bytes = 64 * 1024};
// How long a daemon that is busy with other connections is waited for.
constexpr milliseconds kRetryPause{10};
constexpr int kRetries = 500;

class Relay {
 public:
  explicit Relay(std::size_t most) : most_(most), io_(/*concurrency_hint=*/1) {}

  void Listen(RelayListener listener) {
    listeners_.push_back({Stream(io_, listener.socket.Release()), std::move(listener.path)});
  }
  void Run() {
    for (Listener& listener : listeners_) asio::co_spawn(io_, Accept(listener), asio::detached);
    io_.run();
  }

 private:
  struct Listener {
    Stream socket;
    std::string path;
  };
  // Both ends of one connection. It counts for as long as it lives.
  struct Pair {
    Pair(asio::io_context& io, std::size_t& open) : client(io), server(io), count(open) { ++count; }
    ~Pair() { --count; }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    void Close() {
      asio::error_code ignored;
      client.close(ignored);
      server.close(ignored);
    }
    Stream client;
    Stream server;
    std::size_t& count;
  };

  asio::awaitable<void> Accept(Listener& listener) {
    for (;;) {
      const int client = ::accept4(listener.socket.native_handle(), nullptr, nullptr,
                                   SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client >= 0) {
        Begin(UniqueFd(client), listener.path);
      } else if (errno == EAGAIN) {
        asio::error_code error;
        co_await listener.socket.async_wait(Stream::wait_read,
                                            asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return;
      } else if (errno != ECONNABORTED && errno != EINTR) {
        co_await Pause();  // no descriptor or no memory is left
      }
    }
  }

  void Begin(UniqueFd client, const std::string& path) {
    if (open_ >= most_) return;
    auto pair = std::make_shared<Pair>(io_, open_);
    asio::error_code error;
    pair->client.assign(client.get(), error);
    if (error) return;
    static_cast<void>(client.Release());
    asio::co_spawn(io_, Join(std::move(pair), path), asio::detached);
  }

  asio::awaitable<void> Join(std::shared_ptr<Pair> pair, const std::string& path) {
    UniqueFd server = co_await Connect(path);
    if (!server.valid()) co_return;
    asio::error_code error;
    pair->server.assign(server.get(), error);
    if (error) co_return;
    static_cast<void>(server.Release());
    asio::co_spawn(io_, Move(pair, pair->client, pair->server), asio::detached);
    co_await Move(pair, pair->server, pair->client);
  }

  asio::awaitable<void> Move(std::shared_ptr<Pair> pair, Stream& from, Stream& to) {
    PumpState state;
    if (co_await Pump(from, to, pipes_, state)) pair->Close();
  }

  // A Unix socket connects at once or not at all; EAGAIN: its queue is full, connect(2).
  asio::awaitable<UniqueFd> Connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) co_return UniqueFd();
    std::memcpy(address.sun_path, path.data(), path.size());
    for (int attempt = 0; attempt < kRetries; ++attempt) {
      UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      if (!socket.valid()) break;
      if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
          0) {
        co_return socket;
      }
      if (errno != EAGAIN && errno != EINTR) break;
      co_await Pause();
    }
    co_return UniqueFd();
  }

  asio::awaitable<void> Pause() {
    asio::steady_timer timer(io_, kRetryPause);
    asio::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  const std::size_t most_;
  std::size_t open_ = 0;
  PipePool pipes_{kPipes};
  asio::io_context io_;  // what it still holds in the end refers to the others
  std::vector<Listener> listeners_;
};

}  // namespace

void ServeRelay(std::vector<RelayListener> listeners, std::size_t most) {
  try {
    Relay relay(most);
    for (RelayListener& listener : listeners) relay.Listen(std::move(listener));
    relay.Run();
  } catch (const std::exception&) {
    return;  // no memory and no descriptors: nobody is left to be told
  }
}

}  // namespace workmux::guest
