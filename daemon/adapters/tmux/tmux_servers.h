#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "common/process/command_runner.h"
#include "daemon/adapters/tmux/tmux_multiplexer.h"

namespace workmux::daemon {

// The tmux servers that callers have named, by socket path. Thread-safe.
class TmuxServers {
 public:
  // `runner` outlives this and everything it hands out.
  explicit TmuxServers(CommandRunner& runner) : runner_(runner) {}

  // The server at `socket` (an absolute path), opened on first use and opened
  // anew when the one we knew is gone. kUnavailable (TMUX_NOT_RUNNING) when none
  // answers, kNotFound when tmux is not installed. `created`, when given, tells
  // whether the result is new to the caller, who then sets its receiver.
  absl::StatusOr<std::shared_ptr<Multiplexer>> Get(const std::string& socket, bool* created = nullptr);
  // Forgets servers that are gone. Not from a multiplexer's own callback: its
  // thread ends here.
  void DropGone();

 private:
  CommandRunner& runner_;
  Mutex mu_;
  std::map<std::string, std::shared_ptr<TmuxMultiplexer>> servers_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
