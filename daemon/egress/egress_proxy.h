#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/base/secret.h"
#include "common/base/unique_fd.h"
#include "common/relay/pipe_pool.h"
#include "daemon/async/event_loop.h"
#include "daemon/broker/sandbox_broker.h"
#include "daemon/egress/host_port.h"
#include "daemon/egress/tunnel.h"

namespace workmux::egress {

// The way out of restricted sandboxes: each has a listener of its own, which decides
// whose connections they are; its token is asked for all the same. Runs on a thread of
// its own. Thread-safe.
class EgressProxy {
 public:
  struct Parts {
    Resolver& resolver;
    Dialer& dialer;
    LeadsHereFn leads_here;
    Observer& observer;
  };
  struct Limits {
    // Connections of one listener that have not said what they want; the oldest goes
    // when one more comes, so that a flood keeps nobody out who speaks at once.
    std::size_t asking = 64;
    std::size_t tunnels_each = 256;
    std::size_t tunnels = 4096;
    std::chrono::milliseconds head_time{5000};
    std::chrono::milliseconds hello_time{5000};
    IdleLimits idle;
  };
  struct Endpoints {
    std::filesystem::path socket;    // replaced when there is one
    std::string tcp_address;         // empty: no TCP listener
    std::uint16_t tcp_port = 0;      // 0: any; another: exactly this one
    std::vector<HostPort> services;  // each has a socket of its own beside `socket`
    std::shared_ptr<const broker::SandboxBroker> broker;  // null: no credentials
  };

  explicit EgressProxy(const Parts& parts) : EgressProxy(parts, Limits()) {}
  EgressProxy(const Parts& parts, const Limits& limits);
  ~EgressProxy();

  // Returns the TCP port in use, 0 without one. kAlreadyExists for a session that is
  // open.
  absl::StatusOr<std::uint16_t> Open(const std::string& session, const Secret& token, Policy policy,
                                     const Endpoints& endpoints);
  // From the next request on; tunnels to hosts that are not allowed any more are cut.
  // kNotFound.
  absl::Status SetPolicy(const std::string& session, Policy policy);
  // Cuts its tunnels and ends its listeners; nothing of it is left after the call.
  void Close(const std::string& session);
  std::vector<LiveTunnel> Tunnels();

 private:
  struct Sandbox {
    std::shared_ptr<SandboxState> state;
    std::vector<std::unique_ptr<daemon::EventLoop::Registration>> listeners;
  };
  void Take(const std::shared_ptr<SandboxState>& sandbox, UniqueFd connection);
  void OnLoop(const std::function<void()>& job);

  const Limits limits_;
  std::atomic<std::uint64_t> last_number_;
  PipePool pipes_;
  TunnelContext context_;  // what still runs when the loop ends refers to it
  daemon::EventLoop loop_;
  std::map<std::string, Sandbox> sandboxes_;  // on the loop
};

}  // namespace workmux::egress
