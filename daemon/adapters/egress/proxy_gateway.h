#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/egress/dialer.h"
#include "daemon/egress/egress_proxy.h"
#include "daemon/egress/threaded_resolver.h"
#include "daemon/ports/egress_gateway.h"

namespace workmux::daemon {

// The egress proxy with this host's resolver and network. What it decides is told to
// `observer` on the proxy's thread.
class ProxyGateway : public EgressGateway {
 public:
  explicit ProxyGateway(egress::Observer& observer);

  absl::StatusOr<std::uint16_t> Open(const std::string& session_id, const Grant& grant) override;
  absl::Status SetPolicy(const std::string& session_id, const egress::Policy& policy) override;
  void Close(const std::string& session_id) override;
  std::vector<egress::LiveTunnel> Tunnels() { return proxy_.Tunnels(); }

 private:
  egress::ThreadedResolver resolver_;
  egress::TcpDialer dialer_;
  egress::EgressProxy proxy_;
  Mutex mu_;
  std::map<std::string, std::vector<std::filesystem::path>> sockets_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
