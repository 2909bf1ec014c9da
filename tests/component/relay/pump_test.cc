#include "common/relay/pump.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

#include "tests/support/catch.h"

namespace workmux {
namespace {

// client <-> near | far <-> server: what lies between near and far is pumped.
class Joined {
 public:
  explicit Joined(const PipePool::Limits& limits = PipePool::Limits()) : pool_(limits) {
    std::signal(SIGPIPE, SIG_IGN);
    near_ = Pair(client);
    far_ = Pair(server);
    asio::co_spawn(context_, Run(*near_, *far_, up), asio::detached);
    asio::co_spawn(context_, Run(*far_, *near_, down), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Joined() {
    context_.stop();
    thread_.join();
  }
  void Close() {
    asio::post(context_, [this] {
      near_->close();
      far_->close();
    });
  }
  void Join() {
    thread_.join();
    thread_ = std::thread([] {});
  }

  UniqueFd client;
  UniqueFd server;
  struct Direction {
    PumpState state;
    std::optional<std::error_code> result;  // read after Join
  };
  Direction up;
  Direction down;

 private:
  std::unique_ptr<asio::posix::stream_descriptor> Pair(UniqueFd& outside) {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    outside.Reset(ends[0]);
    REQUIRE(::fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    return std::make_unique<asio::posix::stream_descriptor>(context_, ends[1]);
  }
  asio::awaitable<void> Run(asio::posix::stream_descriptor& from,
                            asio::posix::stream_descriptor& to, Direction& direction) {
    direction.result = co_await Pump(from, to, pool_, direction.state);
  }

  asio::io_context context_{1};
  PipePool pool_;
  std::unique_ptr<asio::posix::stream_descriptor> near_;
  std::unique_ptr<asio::posix::stream_descriptor> far_;
  std::thread thread_;
};

std::string Pattern(std::size_t size) {
  std::string text(size, '\0');
  std::uint32_t state = 1;
  for (char& c : text) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return text;
}

void Send(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    REQUIRE(sent > 0);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string ReadToEnd(int fd) {
  std::string all;
  char buffer[65536];
  for (ssize_t got = 0; (got = ::read(fd, buffer, sizeof buffer)) > 0;)
    all.append(buffer, static_cast<std::size_t>(got));
  return all;
}

}  // namespace

TEST_CASE("Pump: ten megabytes go each way, whole and in order", "[relay]") {
  PipePool::Limits limits;
  SECTION("through pipes") {}
  SECTION("without a free pipe") { limits.pipes = 0; }
  Joined joined(limits);
  const std::string up = Pattern(10 << 20);
  const std::string down = Pattern((10 << 20) + 17);
  std::thread client([&] {
    Send(joined.client.get(), up);
    ::shutdown(joined.client.get(), SHUT_WR);
  });
  std::thread server([&] {
    Send(joined.server.get(), down);
    ::shutdown(joined.server.get(), SHUT_WR);
  });
  std::string got_up;
  std::thread reader([&] { got_up = ReadToEnd(joined.server.get()); });
  const std::string got_down = ReadToEnd(joined.client.get());
  client.join();
  server.join();
  reader.join();
  CHECK(got_up == up);
  CHECK(got_down == down);
  joined.Join();
  CHECK(joined.up.result == std::error_code());
  CHECK(joined.up.state.bytes == up.size());
  CHECK(joined.down.state.bytes == down.size());
}

TEST_CASE("Pump: one direction's end leaves the other open", "[relay]") {
  Joined joined;
  ::shutdown(joined.client.get(), SHUT_WR);
  CHECK(ReadToEnd(joined.server.get()).empty());
  Send(joined.server.get(), "late answer");
  joined.server.Reset();
  CHECK(ReadToEnd(joined.client.get()) == "late answer");
}

TEST_CASE("Pump: what the receiver does not take is not read", "[relay]") {
  Joined joined;
  // Far more than the sockets and one pipe hold.
  const std::string all = Pattern(64 << 20);
  std::string_view left = all;
  REQUIRE(::fcntl(joined.client.get(), F_SETFL, O_NONBLOCK) == 0);
  for (int idle = 0; idle < 50;) {
    const ssize_t sent = ::send(joined.client.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent > 0) left.remove_prefix(static_cast<std::size_t>(sent));
    idle = sent > 0 ? 0 : idle + 1;
    std::this_thread::yield();
  }
  CHECK(all.size() - left.size() < (4u << 20));
}

TEST_CASE("Pump: closing both connections ends both directions with an error", "[relay]") {
  Joined joined;
  joined.Close();
  joined.Join();
  CHECK(joined.up.result.value_or(std::error_code()));
  CHECK_FALSE(joined.up.state.ended);
}

}  // namespace workmux
