// How a sandbox reaches the daemon and, restricted, the rest of the world.

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "daemon/domain/credential_files.h"
#include "daemon/domain/session_manager.h"
#include "daemon/sys/random.h"

namespace workmux::daemon {
namespace {

void LogFailure(std::string_view what, const absl::Status& status) {
  if (!status.ok()) LogWarning("session", Format("{}: {}", what, MessageOf(status)));
}

bool IsIsolated(const SessionPlan& plan) {
  return plan.network.network == SandboxNetwork::kIsolated;
}

bool IsFirewalled(const SessionPlan& plan) {
  return plan.network.network == SandboxNetwork::kFirewalled;
}

}  // namespace

absl::StatusOr<SandboxSpec> SessionManager::OpenEndpoints(const SessionPlan& plan,
                                                          const SessionRequest& request,
                                                          OwnMounts own, SessionRecord& record) {
  SessionPlanner::Endpoints endpoints;
  endpoints.guest_dir = deps_.guest_dir;
  endpoints.instance = deps_.instance;
  endpoints.git_mounts = std::move(own.git);
  endpoints.agent_mounts = std::move(own.agent);
  record.bridge_dir = deps_.runtime_dir / "s" / plan.session_id;
  if (IsFirewalled(plan)) {
    WM_ASSIGN_OR_RETURN(endpoints.firewall.address,
                        plan.backend->FirewallAddress(request.caller.env));
  }
  if (plan.bridge) WM_RETURN_IF_ERROR(OpenBridge(plan, request.caller.env, record, endpoints));
  if (plan.network.network != SandboxNetwork::kOpen)
    WM_RETURN_IF_ERROR(OpenProxy(plan, record, endpoints));
  WM_ASSIGN_OR_RETURN(SandboxSpec spec, SessionPlanner::BuildSpec(plan, request, endpoints));
  WM_RETURN_IF_ERROR(CheckCredentialsOutside(plan.network.credentials, spec));
  if (IsFirewalled(plan)) WM_RETURN_IF_ERROR(OpenGate(*plan.backend, spec, record));
  return spec;
}

// Asked by the sandbox itself once it runs: rules belong to a network namespace, which
// there is none of before, and another one after a restart.
absl::Status SessionManager::OpenGate(SandboxBackend& backend, const SandboxSpec& spec,
                                      const SessionRecord& record) {
  SandboxSpec helped = spec;
  helped.env.clear();
  return deps_.gates.Open(
      record.id, record.bridge_dir / kFirewallSocket,
      [&backend, helped = std::move(helped)] { return backend.ApplyFirewall(helped); });
}

absl::Status SessionManager::OpenBridge(const SessionPlan& plan, const Env& caller,
                                        SessionRecord& record,
                                        SessionPlanner::Endpoints& endpoints) {
  SandboxBackend::BridgeAddress address;
  // Without a network no address of the host's is any use, and behind a firewall no name.
  if (IsFirewalled(plan)) {
    address.listen = address.host = endpoints.firewall.address;
  } else if (!IsIsolated(plan)) {
    WM_ASSIGN_OR_RETURN(address, plan.backend->Bridge(caller));
  }
  record.token = RandomToken();
  record.bridge_address = address.listen;
  WM_ASSIGN_OR_RETURN(
      record.bridge_port,
      deps_.bridge.Open(plan.session_id, record.token,
                        {.socket_dir = record.bridge_dir, .tcp_address = record.bridge_address}));
  endpoints.token = record.token;
  endpoints.firewall.bridge_port = record.bridge_port;
  if (address.mounted_socket) endpoints.bridge_dir = record.bridge_dir;
  endpoints.rpc_host = IsIsolated(plan) ? "127.0.0.1" : address.host;
  endpoints.rpc_port = IsIsolated(plan) ? egress::kRelayBridgePort : record.bridge_port;
  return absl::OkStatus();
}

absl::Status SessionManager::OpenProxy(const SessionPlan& plan, SessionRecord& record,
                                       SessionPlanner::Endpoints& endpoints) {
  record.proxy_token = RandomToken();
  record.proxy_address = endpoints.firewall.address;
  record.network_policy = plan.network.policy;
  record.host_ports = plan.network.host_ports;
  record.credentials = plan.network.credentials;
  if (!record.credentials.empty()) {
    WM_ASSIGN_OR_RETURN(record.authority, deps_.egress.NewAuthority(record.credentials));
  }
  WM_ASSIGN_OR_RETURN(
      record.proxy_port,
      deps_.egress.Open(plan.session_id, {.token = record.proxy_token,
                                          .policy = record.network_policy,
                                          .socket = record.bridge_dir / kProxySocket,
                                          .tcp_address = record.proxy_address,
                                          .tcp_port = 0,
                                          .services = record.host_ports,
                                          .credentials = record.credentials,
                                          .authority = record.authority}));
  endpoints.proxy_token = record.proxy_token;
  endpoints.firewall.proxy_port = record.proxy_port;
  endpoints.bridge_dir = record.bridge_dir;
  return absl::OkStatus();
}

void SessionManager::ReopenEndpoints(const SessionRecord& record) {
  if (!record.token.empty()) {
    LogFailure("reopening a bridge", deps_.bridge
                                         .Open(record.id, record.token,
                                               {.socket_dir = record.bridge_dir,
                                                .tcp_address = record.bridge_address,
                                                .tcp_port = record.bridge_port})
                                         .status());
  }
  if (record.proxy_token.empty()) return;
  LogFailure("reopening a proxy", deps_.egress
                                      .Open(record.id, {.token = record.proxy_token,
                                                        .policy = record.network_policy,
                                                        .socket = record.bridge_dir / kProxySocket,
                                                        .tcp_address = record.proxy_address,
                                                        .tcp_port = record.proxy_port,
                                                        .services = record.host_ports,
                                                        .credentials = record.credentials,
                                                        .authority = record.authority})
                                      .status());
}

void SessionManager::CloseEndpoints(const std::string& session_id) {
  deps_.gates.Close(session_id);
  deps_.bridge.Close(session_id);
  deps_.egress.Close(session_id);
}

}  // namespace workmux::daemon
