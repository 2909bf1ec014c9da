#include "daemon/async/event_loop.h"

#include <pthread.h>
#include <sys/socket.h>

#include <asio/dispatch.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <atomic>
#include <cerrno>
#include <future>
#include <utility>

namespace workmux::daemon {
namespace {

// A peer that connects without end must not keep the loop to itself.
constexpr int kAcceptsPerTurn = 16;
// Without a free descriptor the listener stays readable: waiting for it would spin.
constexpr std::chrono::milliseconds kUntilDescriptors{100};

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

}  // namespace

struct EventLoop::State {
  asio::io_context context{1};
  std::atomic<bool> ended{false};  // nothing runs on the loop any more
};

namespace {

// Ends a registration from any thread: the wait is cancelled on the loop, and
// after that no callback of it starts any more.
template <class State, class Body>
class LoopRegistration : public EventLoop::Registration {
 public:
  LoopRegistration(std::shared_ptr<State> loop, std::shared_ptr<Body> body)
      : loop_(std::move(loop)), body_(std::move(body)) {}
  ~LoopRegistration() override {
    if (loop_->context.get_executor().running_in_this_thread()) {
      body_->Stop();
      return;
    }
    auto stopped = std::make_shared<std::promise<void>>();
    asio::post(loop_->context, [body = body_, stopped] {
      body->Stop();
      stopped->set_value();
    });
    // A loop that was stopped runs no more jobs.
    auto done = stopped->get_future();
    while (done.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready) {
      if (loop_->ended) {
        body_->Stop();
        return;
      }
      done.wait_for(std::chrono::milliseconds(50));
    }
  }

 private:
  std::shared_ptr<State> loop_;
  std::shared_ptr<Body> body_;  // uses the loop's context
};

}  // namespace

template <class Body, class... Args>
std::unique_ptr<EventLoop::Registration> EventLoop::Register(Args&&... args) {
  auto body = std::make_shared<Body>(state_->context, std::forward<Args>(args)...);
  asio::dispatch(state_->context, [body] { body->Wait(); });
  return std::make_unique<LoopRegistration<State, Body>>(state_, std::move(body));
}

EventLoop::EventLoop(const char* name)
    : state_(std::make_shared<State>()), work_(state_->context.get_executor()) {
  thread_ = std::thread([this, name] {
    ::pthread_setname_np(::pthread_self(), name);
    state_->context.run();
  });
}

EventLoop::~EventLoop() {
  state_->context.stop();
  thread_.join();
  state_->ended = true;
}

asio::io_context& EventLoop::context() { return state_->context; }

void EventLoop::Post(std::function<void()> job) { asio::post(context(), std::move(job)); }

std::unique_ptr<EventLoop::Registration> EventLoop::Accept(
    UniqueFd listener, std::function<void(UniqueFd)> on_accept) {
  return Register<Acceptor>(std::move(listener), std::move(on_accept));
}

std::unique_ptr<EventLoop::Registration> EventLoop::WhenReadable(UniqueFd fd,
                                                                 std::function<void()> on_ready) {
  return Register<ReadableWait>(std::move(fd), std::move(on_ready));
}

std::unique_ptr<EventLoop::Registration> EventLoop::After(std::chrono::milliseconds delay,
                                                          std::function<void()> on_time) {
  return Register<Timer>(delay, std::move(on_time));
}

}  // namespace workmux::daemon
