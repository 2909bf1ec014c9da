#include "cli/client/session_signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace workmux::cli {

SessionSignals::SessionSignals() {
  sigset_t handled;
  ::sigemptyset(&handled);
  for (const int number : {SIGINT, SIGQUIT, SIGHUP, SIGTERM}) ::sigaddset(&handled, number);
  ::pthread_sigmask(SIG_BLOCK, &handled, &previous_);
  fd_.Reset(::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
}

SessionSignals::~SessionSignals() {
  while (Read()) {
  }
  ::pthread_sigmask(SIG_SETMASK, &previous_, nullptr);
}

std::optional<SessionSignals::Signal> SessionSignals::Read() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return Signal{.number = static_cast<int>(info.ssi_signo),
                .from_terminal = info.ssi_code == SI_KERNEL};
}

}  // namespace workmux::cli
