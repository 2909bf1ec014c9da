#include "daemon/async/event_loop.h"

#include <pthread.h>
#include <sys/socket.h>

#include <asio/dispatch.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <cerrno>
#include <future>
#include <utility>

namespace workmux::daemon {
namespace {

// A peer that connects without end must not keep the loop to itself.
constexpr int kAcceptsPerTurn = 16;
// Without a free descriptor the listener stays readable: waiting for it would spin.
constexpr std::chrono::milliseconds kUntilDescriptors{100};

// Ends a registration from any thread: the wait is cancelled on the loop, and
// after that no callback of it starts any more.
template <class Body>
class LoopRegistration : public EventLoop::Registration {
 public:
  LoopRegistration(asio::io_context& context, std::shared_ptr<Body> body)
      : context_(context), body_(std::move(body)) {}
  ~LoopRegistration() override {
    if (context_.get_executor().running_in_this_thread() || context_.stopped()) {
      body_->Stop();
      return;
    }
    auto stopped = std::make_shared<std::promise<void>>();
    asio::post(context_, [body = body_, stopped] {
      body->Stop();
      stopped->set_value();
    });
    // The loop may be stopped between the check and the post.
    auto done = stopped->get_future();
    while (done.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
      if (context_.stopped()) return;
    }
  }

 private:
  asio::io_context& context_;
  std::shared_ptr<Body> body_;
};

class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(asio::io_context& context, UniqueFd listener, std::function<void(UniqueFd)> on_accept)
      : listener_(context, listener.Release()), pause_(context), on_accept_(std::move(on_accept)) {}

  void Wait() {
    listener_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [self = shared_from_this()](const asio::error_code& error) {
                           if (error || self->stopped_) return;
                           const bool exhausted = !self->AcceptSome();
                           if (self->stopped_) return;
                           exhausted ? self->Pause() : self->Wait();
                         });
  }
  void Stop() {
    stopped_ = true;
    pause_.cancel();
    asio::error_code ignored;
    listener_.close(ignored);
  }

 private:
  // False when the system has no descriptor or memory for a connection.
  bool AcceptSome() {
    for (int i = 0; i < kAcceptsPerTurn && !stopped_; ++i) {
      UniqueFd connection(
          ::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (connection.valid()) {
        on_accept_(std::move(connection));
      } else if (errno != EINTR && errno != ECONNABORTED) {
        return errno == EAGAIN;
      }
    }
    return true;
  }

  void Pause() {
    pause_.expires_after(kUntilDescriptors);
    pause_.async_wait([self = shared_from_this()](const asio::error_code& error) {
      if (!error && !self->stopped_) self->Wait();
    });
  }

  asio::posix::stream_descriptor listener_;
  asio::steady_timer pause_;
  std::function<void(UniqueFd)> on_accept_;
  bool stopped_ = false;
};

class ReadableWait : public std::enable_shared_from_this<ReadableWait> {
 public:
  ReadableWait(asio::io_context& context, UniqueFd fd, std::function<void()> on_ready)
      : fd_(context, fd.Release()), on_ready_(std::move(on_ready)) {}
  void Wait() {
    fd_.async_wait(asio::posix::stream_descriptor::wait_read,
                   [self = shared_from_this()](const asio::error_code& error) {
                     if (!error && !self->stopped_) self->on_ready_();
                   });
  }
  void Stop() {
    stopped_ = true;
    asio::error_code ignored;
    fd_.close(ignored);
  }

 private:
  asio::posix::stream_descriptor fd_;
  std::function<void()> on_ready_;
  bool stopped_ = false;
};

class Timer : public std::enable_shared_from_this<Timer> {
 public:
  Timer(asio::io_context& context, std::chrono::milliseconds delay, std::function<void()> on_time)
      : timer_(context, delay), on_time_(std::move(on_time)) {}
  void Wait() {
    timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
      if (!error && !self->stopped_) self->on_time_();
    });
  }
  void Stop() {
    stopped_ = true;
    timer_.cancel();
  }

 private:
  asio::steady_timer timer_;
  std::function<void()> on_time_;
  bool stopped_ = false;
};

template <class Body, class... Args>
std::unique_ptr<EventLoop::Registration> Register(asio::io_context& context, Args&&... args) {
  auto body = std::make_shared<Body>(context, std::forward<Args>(args)...);
  asio::dispatch(context, [body] { body->Wait(); });
  return std::make_unique<LoopRegistration<Body>>(context, std::move(body));
}

}  // namespace

EventLoop::EventLoop() : work_(context_.get_executor()) {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "wm-io");
    context_.run();
  });
}

EventLoop::~EventLoop() {
  context_.stop();
  thread_.join();
}

void EventLoop::Post(std::function<void()> job) { asio::post(context_, std::move(job)); }

std::unique_ptr<EventLoop::Registration> EventLoop::Accept(
    UniqueFd listener, std::function<void(UniqueFd)> on_accept) {
  return Register<Acceptor>(context_, std::move(listener), std::move(on_accept));
}

std::unique_ptr<EventLoop::Registration> EventLoop::WhenReadable(UniqueFd fd,
                                                                 std::function<void()> on_ready) {
  return Register<ReadableWait>(context_, std::move(fd), std::move(on_ready));
}

std::unique_ptr<EventLoop::Registration> EventLoop::After(std::chrono::milliseconds delay,
                                                          std::function<void()> on_time) {
  return Register<Timer>(context_, delay, std::move(on_time));
}

}  // namespace workmux::daemon
