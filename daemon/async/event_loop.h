#pragma once

#include <absl/functional/any_invocable.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "common/base/unique_fd.h"

namespace workmux::daemon {

// A thread that waits for sockets, timers and child ends. What runs on it must not
// block and takes no domain lock.
class EventLoop {
 public:
  // The thread's name has at most 15 characters, pthread_setname_np(3).
  explicit EventLoop(const char* name = "wm-io");
  ~EventLoop();  // stops and joins

  asio::io_context& context();
  void Post(std::function<void()> job);

  // A registration ends when its handle is destroyed, before or after the loop; a
  // callback that runs at that moment on the loop's thread is waited for.
  class Registration {
   public:
    virtual ~Registration() = default;
  };

  // Calls `on_accept` with each connection of the listening socket (non-blocking).
  std::unique_ptr<Registration> Accept(UniqueFd listener, std::function<void(UniqueFd)> on_accept);
  // Calls `on_ready` once when `fd` becomes readable (a pidfd: when the process ended).
  std::unique_ptr<Registration> WhenReadable(UniqueFd fd, std::function<void()> on_ready);
  // Calls once after `delay`.
  std::unique_ptr<Registration> After(std::chrono::milliseconds delay,
                                      std::function<void()> on_time);

 private:
  struct State;
  template <class Body, class... Args>
  std::unique_ptr<Registration> Register(Args&&... args);

  // Shared with the registrations, which may be destroyed after the loop.
  std::shared_ptr<State> state_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

}  // namespace workmux::daemon
