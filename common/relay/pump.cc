#include "common/relay/pump.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>

namespace workmux {
namespace {

using Stream = asio::posix::stream_descriptor;

constexpr std::size_t kBuffer = 16 * 1024;
// Bytes after which the thread's other streams get a turn.
constexpr std::uint64_t kTurn = 1 << 20;

std::error_code Errno(int error) { return {error, std::system_category()}; }
bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

// A closed descriptor is -1, on which every wait would end at once.
asio::awaitable<std::error_code> Wait(Stream& stream, Stream::wait_type type) {
  asio::error_code error;
  co_await stream.async_wait(type, asio::redirect_error(asio::use_awaitable, error));
  if (!error && !stream.is_open()) error = asio::error::operation_aborted;
  co_return error;
}

#ifdef __linux__
constexpr unsigned kSplice = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
constexpr std::size_t kSpliceBytes = 1 << 20;

// Empties the pipe.
asio::awaitable<std::error_code> Drain(PipePool::Pipe& pipe, Stream& to) {
  while (pipe.held > 0) {
    const ssize_t moved =
        ::splice(pipe.read.get(), nullptr, to.native_handle(), nullptr, pipe.held, kSplice);
    if (moved > 0) {
      pipe.held -= static_cast<std::size_t>(moved);
    } else if (moved < 0 && WouldBlock(errno)) {
      if (const std::error_code error = co_await Wait(to, Stream::wait_write); error)
        co_return error;
    } else if (moved == 0 || errno != EINTR) {
      co_return moved == 0 ? Errno(EPIPE) : Errno(errno);
    }
  }
  co_return std::error_code();
}
#endif

// What one step moved: bytes, 0 for the sender's end, or an error; EAGAIN when there
// is nothing to move.
struct Step {
  std::size_t bytes = 0;
  std::error_code error;
};

asio::awaitable<Step> CopyOnce(Stream& from, Stream& to) {
  const auto buffer = std::make_unique<std::array<char, kBuffer>>();
  const ssize_t got = ::read(from.native_handle(), buffer->data(), buffer->size());
  if (got < 0) co_return Step{.bytes = 0, .error = Errno(errno)};
  const auto size = static_cast<std::size_t>(got);
  co_return Step{.bytes = size,
                 .error = co_await WriteAll(to, std::string_view(buffer->data(), size))};
}

asio::awaitable<Step> MoveOnce(Stream& from, Stream& to, PipePool& pool) {
#ifdef __linux__
  if (PipePool::Lease pipe = pool.Take()) {
    const ssize_t got =
        ::splice(from.native_handle(), nullptr, pipe->write.get(), nullptr, kSpliceBytes, kSplice);
    if (got < 0) co_return Step{.bytes = 0, .error = Errno(errno)};
    pipe->held = static_cast<std::size_t>(got);
    const std::size_t size = pipe->held;
    co_return Step{.bytes = size, .error = co_await Drain(*pipe, to)};
  }
#endif
  co_return co_await CopyOnce(from, to);
}

}  // namespace

asio::awaitable<std::error_code> WriteAll(Stream& to, std::string_view bytes) {
  while (!bytes.empty()) {
    // A peer that is gone is an error here, not the end of the process.
    const ssize_t written = ::send(to.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (WouldBlock(errno)) {
      if (const std::error_code error = co_await Wait(to, Stream::wait_write); error)
        co_return error;
    } else if (errno != EINTR) {
      co_return Errno(errno);
    }
  }
  co_return std::error_code();
}

asio::awaitable<std::error_code> Pump(Stream& from, Stream& to, PipePool& pool, PumpState& state) {
  std::uint64_t turn = 0;
  for (;;) {
    const Step step = co_await MoveOnce(from, to, pool);
    if (step.error && WouldBlock(step.error.value())) {
      if (const std::error_code error = co_await Wait(from, Stream::wait_read); error)
        co_return error;
      continue;
    }
    if (step.error && step.error.value() == EINTR) continue;
    if (step.error) co_return step.error;
    state.active = std::chrono::steady_clock::now();
    if (step.bytes == 0) break;
    state.bytes += step.bytes;
    turn += step.bytes;
    if (turn < kTurn) continue;
    turn = 0;
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    if (!from.is_open() || !to.is_open()) co_return asio::error::operation_aborted;
  }
  state.ended = true;
  if (::shutdown(to.native_handle(), SHUT_WR) != 0) co_return Errno(errno);
  co_return std::error_code();
}

}  // namespace workmux
