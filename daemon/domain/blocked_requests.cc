#include "daemon/domain/blocked_requests.h"

#include <utility>
#include <vector>

#include "common/base/status.h"

namespace workmux::daemon {
namespace {

// As many as the records keep.
constexpr std::size_t kMostEvents = 10'000;

}  // namespace

BlockedRequests::~BlockedRequests() {
  // Its callback wants our lock, and the handle's end waits for a running one.
  std::unique_ptr<EventLoop::Registration> timer;
  const MutexLock lock(mu_);
  watchers_.clear();
  timer.swap(timer_);
}

void BlockedRequests::Decided(const egress::Decision& decision) {
  if (!decision.allowed && egress::IsForbidden(decision.reason)) {
    MutexLock lock(mu_);
    Blocked& blocked = blocked_[decision.session];
    ++blocked.count;
    blocked.last_host = decision.host;
    blocked.last_reason = decision.reason;
    blocked.last = deps_.now();
    untold_.insert(decision.session);
    if (!waiting_) Publish();
  }
  deps_.next.Decided(decision);
}

// What comes in the pause is told together after it.
void BlockedRequests::Publish() {
  for (const std::string& session : std::exchange(untold_, {})) {
    const auto found = blocked_.find(session);
    if (found == blocked_.end()) continue;
    for (const auto& [id, watcher] : watchers_) watcher(session, found->second);
  }
  waiting_ = true;
  timer_ = deps_.loop.After(deps_.pause, [this] {
    MutexLock lock(mu_);
    waiting_ = false;
    if (!untold_.empty()) Publish();
  });
}

absl::Status BlockedRequests::Load(NetworkRecords& records, const std::string& session) {
  WM_ASSIGN_OR_RETURN(
      const std::vector<NetworkEvent> events,
      records.Events({.after = 0, .sandbox = session, .host = {}, .limit = kMostEvents}));
  Blocked loaded;
  for (const NetworkEvent& event : events) {
    if (event.kind != NetworkEvent::Kind::kRefused || !egress::IsForbidden(event.reason)) continue;
    loaded.count += event.count;
    loaded.last_host = event.host;
    loaded.last_reason = event.reason;
    loaded.last = event.milliseconds / 1000;
  }
  if (loaded.count == 0) return absl::OkStatus();
  MutexLock lock(mu_);
  Blocked& blocked = blocked_[session];
  if (blocked.count == 0) {
    blocked = std::move(loaded);
  } else {
    blocked.count += loaded.count;
  }
  return absl::OkStatus();
}

std::optional<BlockedRequests::Blocked> BlockedRequests::Of(std::string_view session) const {
  MutexLock lock(mu_);
  const auto found = blocked_.find(session);
  return found == blocked_.end() ? std::nullopt : std::optional(found->second);
}

void BlockedRequests::Forget(std::string_view session) {
  MutexLock lock(mu_);
  if (const auto found = blocked_.find(session); found != blocked_.end()) blocked_.erase(found);
  if (const auto found = untold_.find(session); found != untold_.end()) untold_.erase(found);
}

std::unique_ptr<BlockedRequests::Subscription> BlockedRequests::Subscribe(Watcher watcher) {
  MutexLock lock(mu_);
  const std::uint64_t id = ++next_watcher_;
  watchers_[id] = std::move(watcher);
  return std::make_unique<Subscription>(*this, id);
}

BlockedRequests::Subscription::~Subscription() {
  MutexLock lock(blocked_.mu_);
  blocked_.watchers_.erase(id_);
}

}  // namespace workmux::daemon
