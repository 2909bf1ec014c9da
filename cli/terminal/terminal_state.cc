#include "cli/terminal/terminal_state.h"

#include <unistd.h>

#include <csignal>

namespace workmux::cli {

TerminalState::TerminalState(int fd) : fd_(fd) {
  termios modes{};
  if (::tcgetattr(fd, &modes) != 0) return;
  modes_ = modes;
  foreground_ = ::tcgetpgrp(fd);
}

void TerminalState::Restore() {
  if (!modes_) return;
  // A background group that touches the terminal is stopped by SIGTTOU, and that
  // is what we are until tcsetpgrp has worked.
  sigset_t ttou;
  sigset_t previous;
  ::sigemptyset(&ttou);
  ::sigaddset(&ttou, SIGTTOU);
  ::pthread_sigmask(SIG_BLOCK, &ttou, &previous);
  if (foreground_ == ::getpgrp()) {
    ::tcsetpgrp(fd_, foreground_);
    ::tcsetattr(fd_, TCSAFLUSH, &*modes_);
  }
  ::pthread_sigmask(SIG_SETMASK, &previous, nullptr);
  modes_.reset();
}

}  // namespace workmux::cli
