#include "daemon/adapters/egress/proxy_gateway.h"

#include <unistd.h>

#include "common/base/status.h"
#include "common/io/file.h"
#include "daemon/egress/authority_files.h"
#include "daemon/egress/local_route.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPublic = 0644;

// What programs take in place of their own list has to hold the host's as well: hosts
// without a credential answer with their own certificates.
absl::Status WriteCertificates(const fs::path& dir, const std::string& own) {
  const absl::StatusOr<std::string> known = broker::HostCertificates();
  if (!known.ok()) return Annotate(known.status(), "sandbox.network.credentials");
  WM_RETURN_IF_ERROR(WriteFileAtomically(dir / egress::kAuthorityFile, own, kPublic));
  return WriteFileAtomically(dir / egress::kCertificatesFile, *known + own, kPublic);
}

void RemoveCertificates(const fs::path& dir) {
  for (const char* name : {egress::kAuthorityFile, egress::kCertificatesFile})
    ::unlink((dir / name).c_str());
}

}  // namespace

ProxyGateway::ProxyGateway(egress::Observer& observer, CommandRunner& runner)
    : secrets_(runner),
      proxy_({.resolver = resolver_,
              .dialer = dialer_,
              .leads_here = &egress::LeadsHere,
              .observer = observer}) {}

ProxyGateway::~ProxyGateway() {
  {
    const MutexLock lock(mu_);
    for (const auto& [session, sockets] : sockets_) proxy_.Close(session);
  }
  // Its loop has seen the end of each connection; none asks for a secret any more.
  (void)proxy_.Tunnels();
  secrets_.Stop();
}

absl::StatusOr<Secret> ProxyGateway::NewAuthority(
    const std::vector<egress::CredentialRule>& credentials) {
  std::vector<std::string> hosts;
  for (const egress::CredentialRule& rule : credentials) hosts.push_back(rule.host);
  WM_ASSIGN_OR_RETURN(const broker::Authority authority, broker::Authority::Make(hosts));
  return authority.ToText();
}

absl::StatusOr<std::shared_ptr<asio::ssl::context>> ProxyGateway::Client() {
  const MutexLock lock(mu_);
  if (client_ == nullptr) {
    WM_ASSIGN_OR_RETURN(client_, broker::MakeClient());
  }
  return client_;
}

absl::StatusOr<std::shared_ptr<const broker::SandboxBroker>> ProxyGateway::MakeBroker(
    const Grant& grant) {
  if (grant.credentials.empty()) return nullptr;
  WM_ASSIGN_OR_RETURN(const broker::Authority authority,
                      broker::Authority::FromText(grant.authority));
  auto broker = std::make_shared<broker::SandboxBroker>();
  broker->rules = grant.credentials;
  for (const egress::CredentialRule& rule : grant.credentials) {
    WM_ASSIGN_OR_RETURN(broker->servers[rule.host], authority.ServerFor(rule.host));
  }
  WM_ASSIGN_OR_RETURN(broker->client, Client());
  broker->secrets = &secrets_;
  WM_RETURN_IF_ERROR(WriteCertificates(grant.socket.parent_path(), authority.certificate()));
  return broker;
}

absl::StatusOr<std::uint16_t> ProxyGateway::OpenProxy(const std::string& session_id,
                                                      const Grant& grant) {
  WM_ASSIGN_OR_RETURN(std::shared_ptr<const broker::SandboxBroker> broker, MakeBroker(grant));
  return proxy_.Open(session_id, grant.token, grant.policy,
                     {.socket = grant.socket,
                      .tcp_address = grant.tcp_address,
                      .tcp_port = grant.tcp_port,
                      .services = grant.services,
                      .broker = std::move(broker)});
}

absl::StatusOr<std::uint16_t> ProxyGateway::Open(const std::string& session_id,
                                                 const Grant& grant) {
  const fs::path dir = grant.socket.parent_path();
  WM_RETURN_IF_ERROR(MakePrivateDirectory(dir));
  absl::StatusOr<std::uint16_t> port = OpenProxy(session_id, grant);
  if (!port.ok()) {
    RemoveCertificates(dir);
    return port;
  }
  std::vector<fs::path> sockets = {grant.socket};
  for (const egress::HostPort& service : grant.services)
    sockets.push_back(dir / egress::SocketNameOf(service));
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
  for (const fs::path& socket : sockets.mapped()) ::unlink(socket.c_str());
  const fs::path dir = sockets.mapped().front().parent_path();
  RemoveCertificates(dir);
  ::rmdir(dir.c_str());
}

}  // namespace workmux::daemon
