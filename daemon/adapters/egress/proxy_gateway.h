#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/process/command_runner.h"
#include "daemon/broker/sandbox_broker.h"
#include "daemon/egress/dialer.h"
#include "daemon/egress/egress_proxy.h"
#include "daemon/egress/threaded_resolver.h"
#include "daemon/ports/egress_gateway.h"

namespace workmux::daemon {

// The egress proxy with this host's resolver, network and certificates. What it decides
// is told to `observer` on the proxy's thread; `runner` runs the commands of credentials.
class ProxyGateway : public EgressGateway {
 public:
  ProxyGateway(egress::Observer& observer, CommandRunner& runner);
  ~ProxyGateway() override;

  absl::StatusOr<Secret> NewAuthority(
      const std::vector<egress::CredentialRule>& credentials) override;
  absl::StatusOr<std::uint16_t> Open(const std::string& session_id, const Grant& grant) override;
  absl::Status SetPolicy(const std::string& session_id, const egress::Policy& policy) override;
  void Close(const std::string& session_id) override;
  std::vector<egress::LiveTunnel> Tunnels() { return proxy_.Tunnels(); }

 private:
  // Null without credentials; with some their certificates are written too.
  absl::StatusOr<std::shared_ptr<const broker::SandboxBroker>> MakeBroker(const Grant& grant);
  absl::StatusOr<std::shared_ptr<asio::ssl::context>> Client();
  absl::StatusOr<std::uint16_t> OpenProxy(const std::string& session_id, const Grant& grant);

  broker::SecretSource secrets_;
  egress::ThreadedResolver resolver_;
  egress::TcpDialer dialer_;
  egress::EgressProxy proxy_;
  Mutex mu_;
  // Of all sandboxes, once one needs it: the host's certificates are many.
  std::shared_ptr<asio::ssl::context> client_ WM_GUARDED_BY(mu_);
  std::map<std::string, std::vector<std::filesystem::path>> sockets_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
