#pragma once

#include <functional>
#include <string>
#include <thread>

#include "common/process/command_runner.h"
#include "daemon/adapters/tmux/tmux_connection.h"

namespace workmux::daemon {

// Reports each time a terminal that shows tmux gains the focus, for which
// control mode has no notification. A global hook client-focus-in, at an index
// of ours, signals a wait-for channel, on which one tmux process sleeps. Needs
// the option focus-events.
class FocusWatch {
 public:
  // `on_focus` runs on a thread of the watch and must not block on it.
  FocusWatch(TmuxConnection& connection, CommandRunner& runner, std::function<void()> on_focus);
  // Takes the hook away and waits for the process.
  ~FocusWatch();
  FocusWatch(const FocusWatch&) = delete;
  FocusWatch& operator=(const FocusWatch&) = delete;

 private:
  TmuxConnection& connection_;
  const std::string channel_;
  std::jthread waiter_;
};

}  // namespace workmux::daemon
