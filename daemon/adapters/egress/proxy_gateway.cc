#include "daemon/adapters/egress/proxy_gateway.h"

#include <unistd.h>

#include "common/base/status.h"
#include "common/io/file.h"
#include "daemon/egress/local_route.h"

namespace workmux::daemon {

ProxyGateway::ProxyGateway(egress::Observer& observer)
    : proxy_({.resolver = resolver_,
              .dialer = dialer_,
              .leads_here = &egress::LeadsHere,
              .observer = observer}) {}

absl::StatusOr<std::uint16_t> ProxyGateway::Open(const std::string& session_id,
                                                 const Grant& grant) {
  WM_RETURN_IF_ERROR(MakePrivateDirectory(grant.socket.parent_path()));
  WM_ASSIGN_OR_RETURN(const std::uint16_t port, proxy_.Open(session_id, grant.token, grant.policy,
                                                            {.socket = grant.socket,
                                                             .tcp_address = grant.tcp_address,
                                                             .tcp_port = grant.tcp_port,
                                                             .services = grant.services}));
  std::vector<std::filesystem::path> sockets = {grant.socket};
  for (const egress::HostPort& service : grant.services)
    sockets.push_back(grant.socket.parent_path() / egress::SocketNameOf(service));
  const MutexLock lock(mu_);
  sockets_[session_id] = std::move(sockets);
  return port;
}

absl::Status ProxyGateway::SetPolicy(const std::string& session_id, const egress::Policy& policy) {
  return proxy_.SetPolicy(session_id, policy);
}

void ProxyGateway::Close(const std::string& session_id) {
  proxy_.Close(session_id);
  const MutexLock lock(mu_);
  const auto sockets = sockets_.extract(session_id);
  if (sockets.empty()) return;
  for (const std::filesystem::path& socket : sockets.mapped()) ::unlink(socket.c_str());
  ::rmdir(sockets.mapped().front().parent_path().c_str());
}

}  // namespace workmux::daemon
