#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "daemon/async/event_loop.h"
#include "daemon/async/executor.h"
#include "daemon/ports/egress_gateway.h"
#include "daemon/ports/network_records.h"

namespace workmux::daemon {

// What the session may reach: its own policy and the allowances for it or for all that
// have not ended at `now` (unix seconds). They only add: nothing that the policy allows
// is narrowed. Pure.
egress::Policy WithAllowances(egress::Policy policy, std::span<const NetworkAllowance> allowances,
                              std::string_view session, std::int64_t now);

// Stands before the gateway and adds what people allowed while sandboxes run: it takes
// effect at once, ends at its time or with its sandbox, and outlives the daemon.
// Thread-safe.
class NetworkAllowances : public EgressGateway {
 public:
  struct Deps {
    EgressGateway& gateway;
    NetworkRecords& records;
    EventLoop& loop;
    Executor& executor;
    std::function<void(const std::string& session)> closed = {};  // it is, behind the gateway
    std::function<std::int64_t()> now = &UnixNow;
  };
  explicit NetworkAllowances(Deps deps) : deps_(std::move(deps)) {}

  absl::StatusOr<Secret> NewAuthority(
      const std::vector<egress::CredentialRule>& credentials) override {
    return deps_.gateway.NewAuthority(credentials);
  }
  absl::StatusOr<std::uint16_t> Open(const std::string& session_id, const Grant& grant) override;
  absl::Status SetPolicy(const std::string& session_id, const egress::Policy& policy) override;
  // The allowances for this session alone end with it.
  void Close(const std::string& session_id) override;

  // Before the sessions of an earlier daemon are opened, and after it: then those for
  // sessions that are gone are dropped.
  absl::Status Load();
  void DropForGone();
  // No timer after it.
  void Stop();

  // In how many open sandboxes it counts from now on. kNotFound
  // (NETWORK_NOT_RESTRICTED) for a session without a proxy.
  absl::StatusOr<std::size_t> Allow(const NetworkAllowance& allowance);
  // Ends those with this rule's text: of the session, or all of them when it is empty.
  // Returns them; none: there were none. On an error they have ended all the same, until
  // the daemon starts again.
  absl::StatusOr<std::vector<NetworkAllowance>> Revoke(const std::string& session,
                                                       std::string_view rule);
  std::vector<NetworkAllowance> List() const;
  // Of an open session; of none: the policy with what is allowed everywhere.
  std::optional<egress::Policy> PolicyOf(const std::string& session) const;
  egress::Policy PolicyWith(const egress::Policy& configured) const;
  std::vector<std::string> Sessions() const;

 private:
  void ApplyAll() WM_REQUIRES(mu_);
  absl::Status Erase(const std::vector<NetworkAllowance>& ended) WM_REQUIRES(mu_);
  void SetTimer() WM_REQUIRES(mu_);
  void Expire();

  const Deps deps_;
  // Also across calls of the gateway: policies reach it in the order of the changes.
  mutable Mutex mu_;
  std::vector<NetworkAllowance> allowances_ WM_GUARDED_BY(mu_);
  std::map<std::string, egress::Policy> policies_ WM_GUARDED_BY(mu_);  // of open sessions
  std::unique_ptr<EventLoop::Registration> timer_ WM_GUARDED_BY(mu_);
  bool stopped_ WM_GUARDED_BY(mu_) = false;
};

}  // namespace workmux::daemon
