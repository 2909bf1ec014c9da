#include "daemon/adapters/egress/decision_log.h"

#include "common/base/format.h"
#include "common/log/log.h"

namespace workmux::daemon {

void DecisionLog::Decided(const egress::Decision& decision) {
  LogInfo("net",
          Format("{} {} {}{}{} {}", decision.session, decision.allowed ? "allowed" : "refused",
                 decision.host.empty() ? "-" : decision.host, decision.reason.empty() ? "" : " ",
                 decision.reason, decision.detail));
}

void DecisionLog::Ended(const egress::Ending& ending) {
  LogInfo("net", Format("{} ended {} {} up {} down {}", ending.session, ending.host, ending.reason,
                        ending.bytes_up, ending.bytes_down));
}

}  // namespace workmux::daemon
