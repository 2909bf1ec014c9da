#pragma once

#include "daemon/egress/decision.h"

namespace workmux::daemon {

// Writes what the proxy decides into the daemon's log.
class DecisionLog : public egress::Observer {
 public:
  void Decided(const egress::Decision& decision) override;
  void Ended(const egress::Ending& ending) override;
};

}  // namespace workmux::daemon
