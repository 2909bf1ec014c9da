#pragma once

#include <signal.h>

#include <optional>

#include "common/base/unique_fd.h"

namespace workmux::cli {

// Blocks SIGINT, SIGQUIT, SIGHUP and SIGTERM and hands them out of a descriptor.
// Must exist before the first thread starts: threads inherit the mask, and one
// that does not block them would take the signal and end the process.
class SessionSignals {
 public:
  struct Signal {
    int number = 0;
    bool from_terminal = false;  // the whole foreground group got it, the child too
  };

  SessionSignals();
  ~SessionSignals();
  SessionSignals(const SessionSignals&) = delete;
  SessionSignals& operator=(const SessionSignals&) = delete;

  int fd() const { return fd_.get(); }
  std::optional<Signal> Read();

 private:
  sigset_t previous_;
  UniqueFd fd_;
};

}  // namespace workmux::cli
