#include "daemon/domain/network_allowances.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/status.h"
#include "common/log/log.h"

namespace workmux::daemon {
namespace {

// Timers stand still while the machine sleeps, the time of day goes on.
constexpr std::int64_t kLookAgain = 60;  // seconds

bool SameName(const egress::HostRule& a, const egress::HostRule& b) {
  return a.host == b.host && a.below == b.below;
}

bool HasEnded(const NetworkAllowance& allowance, std::int64_t now) {
  return allowance.until != 0 && allowance.until <= now;
}

void LogFailure(std::string_view what, const absl::Status& status) {
  if (!status.ok()) LogWarning("net", Format("{}: {}", what, MessageOf(status)));
}

// Takes the matching ones out of `all`.
template <class Match>
std::vector<NetworkAllowance> Extract(std::vector<NetworkAllowance>& all, Match match) {
  const auto kept = std::stable_partition(all.begin(), all.end(),
                                          [&](const auto& allowance) { return !match(allowance); });
  std::vector<NetworkAllowance> taken(kept, all.end());
  all.erase(kept, all.end());
  return taken;
}

}  // namespace

egress::Policy WithAllowances(egress::Policy policy, std::span<const NetworkAllowance> allowances,
                              std::string_view session, std::int64_t now) {
  for (const NetworkAllowance& allowance : allowances) {
    if (!allowance.session.empty() && allowance.session != session) continue;
    if (HasEnded(allowance, now)) continue;
    const auto same = std::find_if(policy.rules.begin(), policy.rules.end(), [&](const auto& rule) {
      return SameName(rule, allowance.rule);
    });
    if (same == policy.rules.end()) {
      policy.rules.push_back(allowance.rule);
    } else {
      same->allow_private_ips = same->allow_private_ips || allowance.rule.allow_private_ips;
    }
  }
  return policy;
}

absl::StatusOr<std::uint16_t> NetworkAllowances::Open(const std::string& session_id,
                                                      const Grant& grant) {
  MutexLock lock(mu_);
  Grant widened = grant;
  widened.policy = WithAllowances(grant.policy, allowances_, session_id, deps_.now());
  WM_ASSIGN_OR_RETURN(const std::uint16_t port, deps_.gateway.Open(session_id, widened));
  policies_[session_id] = grant.policy;
  return port;
}

absl::Status NetworkAllowances::SetPolicy(const std::string& session_id,
                                          const egress::Policy& policy) {
  MutexLock lock(mu_);
  WM_RETURN_IF_ERROR(deps_.gateway.SetPolicy(
      session_id, WithAllowances(policy, allowances_, session_id, deps_.now())));
  policies_[session_id] = policy;
  return absl::OkStatus();
}

void NetworkAllowances::Close(const std::string& session_id) {
  MutexLock lock(mu_);
  deps_.gateway.Close(session_id);
  if (deps_.closed) deps_.closed(session_id);
  policies_.erase(session_id);
  LogFailure("forgetting an allowance", Erase(Extract(allowances_, [&](const auto& allowance) {
               return allowance.session == session_id;
             })));
}

absl::Status NetworkAllowances::Load() {
  WM_ASSIGN_OR_RETURN(std::vector<NetworkAllowance> loaded, deps_.records.LoadAllowances());
  MutexLock lock(mu_);
  allowances_ = std::move(loaded);
  const std::int64_t now = deps_.now();
  const auto ended = Extract(allowances_, [&](const auto& one) { return HasEnded(one, now); });
  LogFailure("forgetting an allowance", Erase(ended));
  SetTimer();
  return absl::OkStatus();
}

void NetworkAllowances::DropForGone() {
  MutexLock lock(mu_);
  LogFailure("forgetting an allowance", Erase(Extract(allowances_, [&](const auto& allowance) {
               return !allowance.session.empty() && !policies_.contains(allowance.session);
             })));
}

void NetworkAllowances::Stop() {
  MutexLock lock(mu_);
  stopped_ = true;
  timer_.reset();
}

absl::StatusOr<std::size_t> NetworkAllowances::Allow(const NetworkAllowance& allowance) {
  MutexLock lock(mu_);
  if (!allowance.session.empty() && !policies_.contains(allowance.session)) {
    return WithReason(NotFound("the network of this sandbox is not restricted"),
                      "NETWORK_NOT_RESTRICTED");
  }
  WM_RETURN_IF_ERROR(deps_.records.PutAllowance(allowance));
  Extract(allowances_, [&](const auto& other) {
    return other.session == allowance.session && SameName(other.rule, allowance.rule);
  });
  allowances_.push_back(allowance);
  ApplyAll();
  SetTimer();
  return allowance.session.empty() ? policies_.size() : std::size_t{1};
}

absl::StatusOr<std::vector<NetworkAllowance>> NetworkAllowances::Revoke(const std::string& session,
                                                                        std::string_view rule) {
  MutexLock lock(mu_);
  std::vector<NetworkAllowance> ended = Extract(allowances_, [&](const auto& allowance) {
    return allowance.rule.text() == rule && (session.empty() || allowance.session == session);
  });
  if (ended.empty()) return ended;
  // A record that cannot be changed keeps nothing open now.
  ApplyAll();
  SetTimer();
  WM_RETURN_IF_ERROR(Erase(ended));
  return ended;
}

std::vector<NetworkAllowance> NetworkAllowances::List() const {
  MutexLock lock(mu_);
  return allowances_;
}

std::optional<egress::Policy> NetworkAllowances::PolicyOf(const std::string& session) const {
  MutexLock lock(mu_);
  const auto found = policies_.find(session);
  if (found == policies_.end()) return std::nullopt;
  return WithAllowances(found->second, allowances_, session, deps_.now());
}

egress::Policy NetworkAllowances::PolicyWith(const egress::Policy& configured) const {
  MutexLock lock(mu_);
  return WithAllowances(configured, allowances_, {}, deps_.now());
}

std::vector<std::string> NetworkAllowances::Sessions() const {
  MutexLock lock(mu_);
  std::vector<std::string> sessions;
  for (const auto& [session, policy] : policies_) sessions.push_back(session);
  return sessions;
}

void NetworkAllowances::ApplyAll() {
  const std::int64_t now = deps_.now();
  for (const auto& [session, policy] : policies_) {
    LogFailure("setting a sandbox's policy",
               deps_.gateway.SetPolicy(session, WithAllowances(policy, allowances_, session, now)));
  }
}

absl::Status NetworkAllowances::Erase(const std::vector<NetworkAllowance>& ended) {
  absl::Status status;
  for (const NetworkAllowance& allowance : ended)
    status.Update(deps_.records.EraseAllowance(allowance));
  return status;
}

void NetworkAllowances::SetTimer() {
  timer_.reset();
  std::int64_t next = 0;
  for (const NetworkAllowance& allowance : allowances_) {
    if (allowance.until != 0 && (next == 0 || allowance.until < next)) next = allowance.until;
  }
  if (next == 0 || stopped_) return;
  const std::int64_t wait = std::clamp<std::int64_t>(next - deps_.now(), 0, kLookAgain);
  timer_ = deps_.loop.After(std::chrono::seconds(wait),
                            [this] { deps_.executor.Post([this] { Expire(); }); });
}

void NetworkAllowances::Expire() {
  MutexLock lock(mu_);
  const std::int64_t now = deps_.now();
  const auto ended = Extract(allowances_, [&](const auto& one) { return HasEnded(one, now); });
  if (!ended.empty()) {
    ApplyAll();
    LogFailure("forgetting an allowance", Erase(ended));
  }
  SetTimer();
}

}  // namespace workmux::daemon
