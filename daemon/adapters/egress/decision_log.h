#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "daemon/egress/decision.h"

namespace workmux::daemon {

// Writes what the proxy decides into the daemon's log, so much of it in a second that
// a sandbox cannot push everything else out. On the proxy's thread.
class DecisionLog : public egress::Observer {
 public:
  void Decided(const egress::Decision& decision) override;
  void Ended(const egress::Ending& ending) override;

 private:
  void Write(const std::string& line);

  std::chrono::steady_clock::time_point second_;
  int written_ = 0;  // in that second
  std::uint64_t left_out_ = 0;
};

}  // namespace workmux::daemon
