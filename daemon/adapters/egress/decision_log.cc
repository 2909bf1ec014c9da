#include "daemon/adapters/egress/decision_log.h"

#include "common/base/format.h"
#include "common/log/log.h"

namespace workmux::daemon {
namespace {

constexpr int kLinesASecond = 50;

// What it was about, a host or a service of this one.
std::string NameOf(const auto& told) {
  if (!told.service.empty()) return "host port " + told.service;
  return told.host.empty() ? "-" : told.host;
}

}  // namespace

void DecisionLog::Write(const std::string& line) {
  const auto now = std::chrono::steady_clock::now();
  if (now - second_ >= std::chrono::seconds(1)) {
    if (left_out_ > 0) LogWarning("net", Format("{} further lines left out", left_out_));
    second_ = now;
    written_ = 0;
    left_out_ = 0;
  }
  if (written_ == kLinesASecond) {
    ++left_out_;
    return;
  }
  ++written_;
  LogInfo("net", line);
}

void DecisionLog::Decided(const egress::Decision& decision) {
  Write(Format("{} {} {}{}{}{}{}", decision.session, decision.allowed ? "allowed" : "refused",
               NameOf(decision), decision.reason.empty() ? "" : " ", decision.reason,
               decision.detail.empty() ? "" : ": ", decision.detail));
}

void DecisionLog::Ended(const egress::Ending& ending) {
  Write(Format("{} ended {} after {} ms, {} bytes up, {} down{}{}", ending.session, NameOf(ending),
               ending.milliseconds, ending.bytes_up, ending.bytes_down,
               ending.reason.empty() ? "" : ": ", ending.reason));
}

}  // namespace workmux::daemon
