#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "common/process/command_runner.h"
#include "daemon/adapters/tmux/tmux_multiplexer.h"
#include "daemon/ports/multiplexers.h"

namespace workmux::daemon {

// The tmux servers that callers have named, by socket path. Thread-safe.
class TmuxServers : public Multiplexers {
 public:
  // `runner` outlives this and everything it hands out.
  explicit TmuxServers(CommandRunner& runner) : runner_(runner) {}

  // `socket` is an absolute path. A server that went is opened anew. Besides the
  // port's errors kNotFound when tmux is not installed.
  absl::StatusOr<std::shared_ptr<Multiplexer>> Get(const std::string& socket) override;
  // Forgets servers that are gone. Not from a multiplexer's own callback: its
  // thread ends here.
  void DropGone();

 private:
  CommandRunner& runner_;
  Mutex mu_;
  std::map<std::string, std::shared_ptr<TmuxMultiplexer>> servers_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
