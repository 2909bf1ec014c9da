#pragma once

#include <signal.h>

#include <functional>
#include <thread>

namespace workmux::cli {

// While it lives, SIGINT calls `on_interrupt` on a thread of its own instead of
// ending the process. One at a time.
class Interrupt {
 public:
  explicit Interrupt(std::function<void()> on_interrupt);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

 private:
  struct sigaction previous_ {};
  std::thread waiter_;
};

}  // namespace workmux::cli
