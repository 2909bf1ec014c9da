#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/async/executor.h"
#include "daemon/domain/configured_network.h"
#include "daemon/domain/network_allowances.h"
#include "daemon/domain/network_log.h"
#include "daemon/domain/network_reload.h"
#include "daemon/domain/session_directory.h"
#include "daemon/egress/tunnel.h"
#include "workmux/control/v1/network.grpc.pb.h"

namespace workmux::daemon {

// For the host's clients alone: a guest must not widen what it may reach.
class NetworkService : public workmux::control::v1::NetworkService::CallbackService {
 public:
  struct Deps {
    Executor& executor;
    NetworkRecords& records;
    NetworkLog& log;
    NetworkAllowances& allowances;
    const SessionDirectory& directory;
    std::function<std::vector<egress::LiveTunnel>()> tunnels;
    // What is configured where the caller stands; nullopt: the network is open.
    std::function<absl::StatusOr<std::optional<RestrictedNetwork>>(const Caller&)> configured;
    NetworkReload& reload;
    // Blocks as the system's resolver does.
    std::function<absl::StatusOr<std::vector<asio::ip::address>>(const std::string&)> resolve;
    egress::LeadsHereFn leads_here;
  };
  explicit NetworkService(Deps deps) : deps_(std::move(deps)) {}

  grpc::ServerUnaryReactor* ListNetworkEvents(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::ListNetworkEventsRequest* request,
      workmux::control::v1::ListNetworkEventsResponse* response) override;
  grpc::ServerUnaryReactor* ListTunnels(
      grpc::CallbackServerContext* context, const workmux::control::v1::ListTunnelsRequest* request,
      workmux::control::v1::ListTunnelsResponse* response) override;
  grpc::ServerUnaryReactor* ExplainHost(
      grpc::CallbackServerContext* context, const workmux::control::v1::ExplainHostRequest* request,
      workmux::control::v1::ExplainHostResponse* response) override;
  grpc::ServerUnaryReactor* ListAllowances(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::ListAllowancesRequest* request,
      workmux::control::v1::ListAllowancesResponse* response) override;
  grpc::ServerUnaryReactor* AllowHost(grpc::CallbackServerContext* context,
                                      const workmux::control::v1::AllowHostRequest* request,
                                      workmux::control::v1::AllowHostResponse* response) override;
  grpc::ServerUnaryReactor* RevokeHost(grpc::CallbackServerContext* context,
                                       const workmux::control::v1::RevokeHostRequest* request,
                                       workmux::control::v1::RevokeHostResponse* response) override;
  grpc::ServerUnaryReactor* ReloadNetwork(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::ReloadNetworkRequest* request,
      workmux::control::v1::ReloadNetworkResponse* response) override;

 private:
  // SANDBOX_NOT_FOUND; NETWORK_NOT_RESTRICTED.
  absl::StatusOr<SessionRecord> FindRestricted(const std::string& sandbox) const;
  std::string NameOf(const std::string& session) const;
  workmux::control::v1::Allowance ToWire(const NetworkAllowance& allowance) const;
  absl::StatusOr<workmux::control::v1::ExplainHostResponse> Explain(
      const workmux::control::v1::ExplainHostRequest& request);
  absl::StatusOr<workmux::control::v1::AllowHostResponse> Allow(
      const workmux::control::v1::AllowHostRequest& request);
  absl::StatusOr<workmux::control::v1::RevokeHostResponse> Revoke(
      const workmux::control::v1::RevokeHostRequest& request);
  // The file that has it now; empty: it was there before.
  static absl::StatusOr<std::string> Save(const Caller& caller, const egress::HostRule& rule);

  const Deps deps_;
};

}  // namespace workmux::daemon
