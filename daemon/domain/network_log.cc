#include "daemon/domain/network_log.h"

#include <chrono>
#include <utility>

#include "common/base/status.h"
#include "common/log/log.h"
#include "daemon/egress/host_name.h"

namespace workmux::daemon {
namespace {

using Kind = NetworkEvent::Kind;
constexpr std::size_t kMaxDetail = 300;
constexpr std::size_t kMaxNames = 1024;

// The name in a client's hello is the one text that the guest wrote.
std::string DetailOf(const egress::Decision& decision) {
  if (decision.reason != egress::reason::kOtherServerName)
    return decision.detail.substr(0, kMaxDetail);
  auto name = egress::NormalHost(decision.detail);
  return name.ok() ? *std::move(name) : "no host name";
}

}  // namespace

std::int64_t NetworkLog::UnixMilliseconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

NetworkLog::NetworkLog(Deps deps, const Limits& limits) : deps_(std::move(deps)), limits_(limits) {}

NetworkLog::~NetworkLog() { Flush(); }

void NetworkLog::Decided(const egress::Decision& decision) {
  egress::Decision told = decision;
  told.detail = DetailOf(decision);
  NetworkEvent event;
  event.session = decision.session;
  event.kind = decision.allowed ? Kind::kAllowed : Kind::kRefused;
  event.host = decision.host;
  event.service = decision.service;
  event.rule = decision.rule;
  event.reason = decision.reason;
  event.detail = told.detail;
  if (Take(std::move(event))) deps_.followers.Decided(told);
}

void NetworkLog::Ended(const egress::Ending& ending) {
  NetworkEvent event;
  event.session = ending.session;
  event.kind = Kind::kEnded;
  event.host = ending.host;
  event.service = ending.service;
  event.reason = ending.reason;
  event.bytes_up = ending.bytes_up;
  event.bytes_down = ending.bytes_down;
  event.lasted = ending.milliseconds;
  if (Take(std::move(event))) deps_.followers.Ended(ending);
}

bool NetworkLog::Take(NetworkEvent event) {
  event.milliseconds = deps_.now();
  MutexLock lock(mu_);
  if (event.kind == Kind::kRefused) ++refusals_[event.session];
  SettleWindows(event.milliseconds / 1000);
  if (!Admit(event)) return false;
  if (queue_.size() >= limits_.queue) {
    ++lost_;
    return false;
  }
  queue_.push_back(std::move(event));
  Schedule();
  return true;
}

bool NetworkLog::Admit(const NetworkEvent& event) {
  Window& window = windows_[event.session];
  window.second = event.milliseconds / 1000;
  const bool refused = event.kind == Kind::kRefused;
  unsigned& taken = refused ? window.refusals : window.others;
  if (taken < (refused ? limits_.refusals : limits_.others)) {
    ++taken;
    return true;
  }
  ++window.omitted;
  return false;
}

// Seconds that are over say what was left out of them.
void NetworkLog::SettleWindows(std::int64_t second) {
  for (auto entry = windows_.begin(); entry != windows_.end();) {
    const auto& [session, window] = *entry;
    if (window.second == second) {
      ++entry;
      continue;
    }
    if (window.omitted > 0) {
      NetworkEvent event;
      event.milliseconds = window.second * 1000;
      event.session = session;
      event.kind = Kind::kOmitted;
      event.count = window.omitted;
      queue_.push_back(std::move(event));
      Schedule();
    }
    entry = windows_.erase(entry);
  }
}

void NetworkLog::Schedule() {
  if (writing_) return;
  writing_ = true;
  deps_.executor.Post([this] { Write(); });
}

void NetworkLog::Write() {
  for (;;) {
    std::vector<NetworkEvent> batch;
    std::uint64_t lost = 0;
    {
      MutexLock lock(mu_);
      batch.swap(queue_);
      std::swap(lost, lost_);
      if (batch.empty() && lost == 0) {
        writing_ = false;
        // With the lock: whoever waits may destroy this as soon as it is free.
        written_.notify_all();
        return;
      }
    }
    WriteBatch(std::move(batch), lost);
  }
}

void NetworkLog::WriteBatch(std::vector<NetworkEvent> batch, std::uint64_t lost) {
  if (lost > 0) {
    NetworkEvent event;
    event.milliseconds = deps_.now();
    event.kind = Kind::kOmitted;
    event.count = lost;
    batch.push_back(std::move(event));
  }
  if (names_.size() > kMaxNames) names_.clear();
  for (NetworkEvent& event : batch) {
    if (event.session.empty()) continue;
    std::string& name = names_[event.session];
    if (name.empty()) {
      const auto record = deps_.directory.Find(event.session);
      if (record) name = record->sandbox;
    }
    event.sandbox = name.empty() ? event.session : name;
  }
  const absl::Status written = deps_.records.AppendEvents(batch);
  if (!written.ok()) {
    LogWarning("net", Format("{} events of the network were not recorded: {}", batch.size(),
                             MessageOf(written)));
  }
}

void NetworkLog::Flush() {
  MutexLock lock(mu_);
  SettleWindows(-1);
  while (writing_) written_.wait(mu_);
}

std::uint64_t NetworkLog::RefusalsOf(const std::string& session) const {
  MutexLock lock(mu_);
  const auto found = refusals_.find(session);
  return found == refusals_.end() ? 0 : found->second;
}

void NetworkLog::Forget(const std::string& session) {
  MutexLock lock(mu_);
  refusals_.erase(session);
}

}  // namespace workmux::daemon
