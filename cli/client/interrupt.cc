#include "cli/client/interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

namespace workmux::cli {
namespace {

// The handler can reach nothing but a global, and may do nothing but write(2):
// signal-safety(7).
std::atomic<int> wake_fd{-1};

constexpr std::uint64_t kInterrupted = 1;
// eventfd adds up what is written; far above any number of interrupts.
constexpr std::uint64_t kFinished = 1u << 20;

void Wake(std::uint64_t value) {
  const int saved = errno;
  [[maybe_unused]] const ssize_t n = ::write(wake_fd.load(), &value, sizeof value);
  errno = saved;
}

void OnSignal(int /*number*/) { Wake(kInterrupted); }

}  // namespace

Interrupt::Interrupt(std::function<void()> on_interrupt) {
  wake_fd.store(::eventfd(0, EFD_CLOEXEC));
  waiter_ = std::thread([on_interrupt = std::move(on_interrupt)] {
    std::uint64_t value = 0;
    while (value < kFinished) {
      const ssize_t n = ::read(wake_fd.load(), &value, sizeof value);
      if (n < 0 && errno != EINTR) return;
      if (n > 0 && value % kFinished != 0) on_interrupt();
    }
  });
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, &previous_);
}

Interrupt::~Interrupt() {
  ::sigaction(SIGINT, &previous_, nullptr);
  Wake(kFinished);
  waiter_.join();
  ::close(wake_fd.exchange(-1));
}

}  // namespace workmux::cli
