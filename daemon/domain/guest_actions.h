#pragma once

#include <string_view>

#include <absl/status/status.h>

#include "daemon/domain/types.h"

namespace workmux::daemon {

// What a sandbox may ask for, after its token was checked. A session acts on its
// own pane only: no argument names another. Thread-safe, may block.
class GuestActions {
 public:
  virtual ~GuestActions() = default;
  virtual absl::Status SetGuestStatus(std::string_view session_id, AgentStatus status) = 0;
  virtual absl::Status SetGuestTitle(std::string_view session_id, std::string_view title) = 0;
};

}  // namespace workmux::daemon
