#include "daemon/domain/network_log.h"

#include <chrono>
#include <iterator>
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

NetworkLog::~NetworkLog() {
  Flush();
  MutexLock lock(mu_);
  while (scheduled_) changed_.wait(mu_);
}

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
  SettleWindows(/*running_too=*/false);
  bool taken = Admit(event);
  if (taken && queue_.size() >= limits_.queue) {
    ++lost_;
    taken = false;
  }
  if (taken) queue_.push_back(std::move(event));
  if (scheduled_ || queue_.empty()) return taken;
  scheduled_ = true;
  deps_.executor.Post([this] {
    MutexLock job_lock(mu_);
    Drain();
    scheduled_ = false;
    // With the lock: the destructor may wait for this.
    changed_.notify_all();
  });
  return taken;
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
void NetworkLog::SettleWindows(bool running_too) {
  const std::int64_t second = deps_.now() / 1000;
  for (auto entry = windows_.begin(); entry != windows_.end();) {
    auto& [session, window] = *entry;
    const bool over = window.second != second;
    if (window.omitted > 0 && (over || running_too)) {
      NetworkEvent event;
      event.milliseconds = window.second * 1000;
      event.session = session;
      event.kind = Kind::kOmitted;
      event.count = std::exchange(window.omitted, 0);
      queue_.push_back(std::move(event));
    }
    entry = over ? windows_.erase(entry) : std::next(entry);
  }
}

void NetworkLog::Drain() {
  while (writing_) changed_.wait(mu_);
  writing_ = true;
  while (!queue_.empty() || lost_ > 0) {
    std::vector<NetworkEvent> batch;
    batch.swap(queue_);
    const std::uint64_t lost = std::exchange(lost_, 0);
    mu_.Unlock();
    WriteBatch(std::move(batch), lost);
    mu_.Lock();
  }
  writing_ = false;
  changed_.notify_all();
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
  SettleWindows(/*running_too=*/true);
  Drain();
}

}  // namespace workmux::daemon
