#pragma once

#include "daemon/domain/agent_tracker.h"
#include "daemon/domain/guest_actions.h"
#include "daemon/domain/session_directory.h"

namespace workmux::daemon {

// Guest calls act on the pane that the session was opened from, as recorded by
// the daemon; a session without a pane has nothing to show and succeeds.
class SessionGuestActions : public GuestActions {
 public:
  SessionGuestActions(const SessionDirectory& sessions, AgentTracker& agents)
      : sessions_(sessions), agents_(agents) {}

  absl::Status SetGuestStatus(std::string_view session_id, AgentStatus status) override;
  absl::Status SetGuestTitle(std::string_view session_id, std::string_view title) override;

 private:
  const SessionDirectory& sessions_;
  AgentTracker& agents_;
};

}  // namespace workmux::daemon
