#pragma once

#include <memory>
#include <string>

#include <absl/status/statusor.h>

#include "daemon/ports/multiplexer.h"

namespace workmux::daemon {

// The tmux servers that callers talk about, by socket path. Thread-safe. A
// server is connected to at its first use; kUnavailable (TMUX_NOT_RUNNING) when
// none listens there.
class Multiplexers {
 public:
  virtual ~Multiplexers() = default;
  virtual absl::StatusOr<std::shared_ptr<Multiplexer>> Get(const std::string& socket) = 0;
};

}  // namespace workmux::daemon
