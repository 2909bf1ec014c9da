#pragma once

#include <string_view>

#include "common/log/log.h"
#include "daemon/domain/progress.h"

namespace workmux::daemon {

// Progress of what nobody waits for: into the daemon's log.
class LogProgress : public ProgressSink {
 public:
  void Step(std::string_view, std::string_view title) override { LogInfo("worktrees", title); }
  void Warn(std::string_view message) override { LogWarning("worktrees", message); }
  void Output(std::string_view, bool) override {}
};

}  // namespace workmux::daemon
