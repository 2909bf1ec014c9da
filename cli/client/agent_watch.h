#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>

#include "cli/client/daemon_launcher.h"

namespace workmux::control::v1 {
class AgentEvent;
}

namespace workmux::cli {

// Follows what the agents of a running daemon report. Every event, those of the
// first snapshot too, goes to `on_event` on a thread of this object.
class AgentWatch {
 public:
  using EventFn = std::function<void(const control::v1::AgentEvent&)>;

  // Starts no daemon: kUnavailable when none runs.
  static absl::StatusOr<std::unique_ptr<AgentWatch>> Start(const DaemonLauncher& launcher,
                                                           EventFn on_event);
  // Ends the stream and joins.
  ~AgentWatch();
  AgentWatch(const AgentWatch&) = delete;
  AgentWatch& operator=(const AgentWatch&) = delete;

 private:
  class Worker;
  explicit AgentWatch(std::unique_ptr<Worker> worker);
  std::unique_ptr<Worker> worker_;
};

}  // namespace workmux::cli
