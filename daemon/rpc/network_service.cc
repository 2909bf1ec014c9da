#include "daemon/rpc/network_service.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/os/paths.h"
#include "daemon/config/allowed_domains_edit.h"
#include "daemon/egress/dial_plan.h"
#include "daemon/egress/host_name.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/unary_call.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::control::v1;

constexpr std::uint32_t kDefaultEvents = 100;
constexpr std::uint32_t kMaxEvents = 10'000;
constexpr std::size_t kEventsAboutHost = 5;
constexpr std::int64_t kLongest = std::int64_t{366} * 24 * 3600;

pb::NetworkEvent::Kind ToWire(NetworkEvent::Kind kind) {
  switch (kind) {
    case NetworkEvent::Kind::kAllowed:
      return pb::NetworkEvent::KIND_ALLOWED;
    case NetworkEvent::Kind::kRefused:
      return pb::NetworkEvent::KIND_REFUSED;
    case NetworkEvent::Kind::kEnded:
      return pb::NetworkEvent::KIND_ENDED;
    case NetworkEvent::Kind::kOmitted:
      break;
  }
  return pb::NetworkEvent::KIND_OMITTED;
}

void Fill(const NetworkEvent& event, pb::NetworkEvent& wire) {
  wire.set_id(event.id);
  wire.set_unix_milliseconds(event.milliseconds);
  wire.set_session_id(event.session);
  wire.set_sandbox(event.sandbox);
  wire.set_kind(ToWire(event.kind));
  wire.set_host(event.host);
  wire.set_service(event.service);
  wire.set_rule(event.rule);
  wire.set_reason(event.reason);
  wire.set_detail(event.detail);
  wire.set_count(event.count);
  wire.set_bytes_up(event.bytes_up);
  wire.set_bytes_down(event.bytes_down);
  wire.set_milliseconds(event.lasted);
}

void Fill(const egress::CredentialRule& rule, pb::ExplainHostResponse::Credential& wire) {
  wire.set_header(rule.header);
  wire.set_file(rule.file);
  wire.mutable_command()->Add(rule.command.begin(), rule.command.end());
  for (const egress::RequestRule& request : rule.allow) wire.add_allow(request.text());
}

// One call with its check of the client.
template <class Response, class Request, class Body>
grpc::ServerUnaryReactor* Start(Executor& executor, grpc::CallbackServerContext* context,
                                const Request* request, Response* response, Body body) {
  return UnaryCall<Response>::Start(
      executor, response,
      [context, request, body = std::move(body)](std::stop_token) -> absl::StatusOr<Response> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        return body(*request);
      });
}

}  // namespace

absl::StatusOr<SessionRecord> NetworkService::FindRestricted(const std::string& sandbox) const {
  for (const SessionRecord& record : deps_.directory.All()) {
    if (record.id != sandbox && record.sandbox != sandbox) continue;
    if (!record.proxy_token.empty()) return record;
    return WithReason(FailedPrecondition("the network of {} is not restricted", Printable(sandbox)),
                      "NETWORK_NOT_RESTRICTED");
  }
  return WithHint(
      WithReason(NotFound("there is no sandbox '{}'", Printable(sandbox)), "SANDBOX_NOT_FOUND"),
      "see the names with: workmux sandbox list");
}

std::string NetworkService::NameOf(const std::string& session) const {
  const auto record = deps_.directory.Find(session);
  return record ? record->sandbox : session;
}

pb::Allowance NetworkService::ToWire(const NetworkAllowance& allowance) const {
  pb::Allowance wire;
  wire.set_host(allowance.rule.text());
  wire.set_allow_private_ips(allowance.rule.allow_private_ips);
  wire.set_session_id(allowance.session);
  if (!allowance.session.empty()) wire.set_sandbox(NameOf(allowance.session));
  wire.set_until_unix_seconds(allowance.until);
  return wire;
}

grpc::ServerUnaryReactor* NetworkService::ListNetworkEvents(
    grpc::CallbackServerContext* context, const pb::ListNetworkEventsRequest* wire,
    pb::ListNetworkEventsResponse* response) {
  const auto body = [this](const pb::ListNetworkEventsRequest& request)
      -> absl::StatusOr<pb::ListNetworkEventsResponse> {
    deps_.log.Flush();
    const std::uint32_t limit = request.limit() == 0 ? kDefaultEvents : request.limit();
    WM_ASSIGN_OR_RETURN(const std::vector<NetworkEvent> events,
                        deps_.records.Events({.after = request.after(),
                                              .sandbox = request.sandbox(),
                                              .host = request.host(),
                                              .limit = std::min(limit, kMaxEvents)}));
    pb::ListNetworkEventsResponse answer;
    for (const NetworkEvent& event : events) Fill(event, *answer.add_events());
    return answer;
  };
  return Start(deps_.executor, context, wire, response, body);
}

grpc::ServerUnaryReactor* NetworkService::ListTunnels(grpc::CallbackServerContext* context,
                                                      const pb::ListTunnelsRequest* wire,
                                                      pb::ListTunnelsResponse* response) {
  const auto body =
      [this](const pb::ListTunnelsRequest& request) -> absl::StatusOr<pb::ListTunnelsResponse> {
    std::string only;
    if (!request.sandbox().empty()) {
      WM_ASSIGN_OR_RETURN(const SessionRecord record, FindRestricted(request.sandbox()));
      only = record.id;
    }
    pb::ListTunnelsResponse answer;
    for (const egress::LiveTunnel& live : deps_.tunnels()) {
      if (!only.empty() && live.session != only) continue;
      auto& tunnel = *answer.add_tunnels();
      tunnel.set_session_id(live.session);
      tunnel.set_sandbox(NameOf(live.session));
      tunnel.set_host(live.host);
      tunnel.set_service(live.service);
      tunnel.set_address(live.address);
      tunnel.set_rule(live.rule);
      tunnel.set_since_unix_seconds(std::chrono::system_clock::to_time_t(live.since));
      tunnel.set_bytes_up(live.bytes_up);
      tunnel.set_bytes_down(live.bytes_down);
    }
    return answer;
  };
  return Start(deps_.executor, context, wire, response, body);
}

grpc::ServerUnaryReactor* NetworkService::ListAllowances(grpc::CallbackServerContext* context,
                                                         const pb::ListAllowancesRequest* wire,
                                                         pb::ListAllowancesResponse* response) {
  const auto body =
      [this](const pb::ListAllowancesRequest&) -> absl::StatusOr<pb::ListAllowancesResponse> {
    pb::ListAllowancesResponse answer;
    for (const NetworkAllowance& allowance : deps_.allowances.List())
      *answer.add_allowances() = ToWire(allowance);
    return answer;
  };
  return Start(deps_.executor, context, wire, response, body);
}

grpc::ServerUnaryReactor* NetworkService::ExplainHost(grpc::CallbackServerContext* context,
                                                      const pb::ExplainHostRequest* wire,
                                                      pb::ExplainHostResponse* response) {
  return Start(deps_.executor, context, wire, response,
               [this](const pb::ExplainHostRequest& request) { return Explain(request); });
}

absl::StatusOr<pb::ExplainHostResponse> NetworkService::Explain(
    const pb::ExplainHostRequest& request) {
  pb::ExplainHostResponse answer;
  absl::StatusOr<std::string> host = egress::NormalHost(request.host());
  if (!host.ok())
    return InvalidArgument("'{}' {}", Printable(request.host()), MessageOf(host.status()));
  answer.set_host(*host);
  std::optional<egress::Policy> policy;
  std::vector<egress::CredentialRule> credentials;
  if (request.sandbox().empty()) {
    WM_ASSIGN_OR_RETURN(const auto configured,
                        deps_.configured(workmux::daemon::FromWire(request.context())));
    if (configured) {
      policy = deps_.allowances.PolicyWith(configured->policy);
      credentials = configured->credentials;
    }
  } else {
    WM_ASSIGN_OR_RETURN(const SessionRecord record, FindRestricted(request.sandbox()));
    answer.set_sandbox(record.sandbox);
    policy = deps_.allowances.PolicyOf(record.id);
    if (!policy) return Unavailable("the proxy of {} is not open", record.sandbox);
    credentials = record.credentials;
  }
  answer.set_restricted(policy.has_value());
  if (const egress::CredentialRule* rule = egress::FindCredential(credentials, *host))
    Fill(*rule, *answer.mutable_credential());
  if (policy) {
    if (const egress::HostRule* rule = egress::FindRule(policy->rules, *host)) {
      answer.set_rule(rule->text());
      answer.set_allows_private_ips(rule->allow_private_ips);
    }
  }
  if (const auto addresses = deps_.resolve(*host); addresses.ok()) {
    for (const asio::ip::address& address : *addresses) {
      const egress::DialPlan plan =
          egress::PlanDial({&address, 1}, answer.allows_private_ips(), deps_.leads_here);
      auto& judged = *answer.add_addresses();
      judged.set_address(address.to_string());
      judged.set_allowed(!plan.addresses.empty());
      judged.set_reason(std::string(plan.reason));
      judged.set_detail(plan.detail);
    }
  } else {
    answer.set_resolve_error(MessageOf(addresses.status()));
  }
  deps_.log.Flush();
  WM_ASSIGN_OR_RETURN(
      const std::vector<NetworkEvent> events,
      deps_.records.Events(
          {.after = 0, .sandbox = request.sandbox(), .host = *host, .limit = kEventsAboutHost}));
  for (const NetworkEvent& event : events) Fill(event, *answer.add_events());
  return answer;
}

grpc::ServerUnaryReactor* NetworkService::AllowHost(grpc::CallbackServerContext* context,
                                                    const pb::AllowHostRequest* wire,
                                                    pb::AllowHostResponse* response) {
  return Start(deps_.executor, context, wire, response,
               [this](const pb::AllowHostRequest& request) { return Allow(request); });
}

absl::StatusOr<pb::AllowHostResponse> NetworkService::Allow(const pb::AllowHostRequest& request) {
  NetworkAllowance allowance;
  WM_ASSIGN_OR_RETURN(allowance.rule,
                      egress::ParseHostRule(request.host(), request.allow_private_ips()));
  if (request.seconds() < 0 || request.seconds() > kLongest)
    return InvalidArgument("an allowance lasts a year at most");
  if (request.seconds() > 0) allowance.until = UnixNow() + request.seconds();
  if (!request.sandbox().empty()) {
    WM_ASSIGN_OR_RETURN(const SessionRecord record, FindRestricted(request.sandbox()));
    allowance.session = record.id;
  }
  pb::AllowHostResponse answer;
  // The file first: when it cannot be changed nothing is.
  if (request.save()) {
    WM_ASSIGN_OR_RETURN(std::string file,
                        Save(workmux::daemon::FromWire(request.context()), allowance.rule));
    answer.set_saved_file(std::move(file));
  }
  WM_ASSIGN_OR_RETURN(const std::size_t sandboxes, deps_.allowances.Allow(allowance));
  answer.set_sandboxes(static_cast<std::uint32_t>(sandboxes));
  *answer.mutable_allowance() = ToWire(allowance);
  answer.set_warning(egress::DoubtAbout(allowance.rule));
  return answer;
}

absl::StatusOr<std::string> NetworkService::Save(const Caller& caller,
                                                 const egress::HostRule& rule) {
  WM_ASSIGN_OR_RETURN(const Paths paths, PathsFrom(caller.env));
  WM_ASSIGN_OR_RETURN(const std::filesystem::path file, SaveAllowedDomain(paths.config, rule));
  return file.string();
}

grpc::ServerUnaryReactor* NetworkService::RevokeHost(grpc::CallbackServerContext* context,
                                                     const pb::RevokeHostRequest* wire,
                                                     pb::RevokeHostResponse* response) {
  return Start(deps_.executor, context, wire, response,
               [this](const pb::RevokeHostRequest& request) { return Revoke(request); });
}

absl::StatusOr<pb::RevokeHostResponse> NetworkService::Revoke(
    const pb::RevokeHostRequest& request) {
  WM_ASSIGN_OR_RETURN(const egress::HostRule rule,
                      egress::ParseHostRule(request.host(), /*allow_private_ips=*/false));
  std::string session;
  if (!request.sandbox().empty()) {
    WM_ASSIGN_OR_RETURN(const SessionRecord record, FindRestricted(request.sandbox()));
    session = record.id;
  }
  pb::RevokeHostResponse answer;
  WM_ASSIGN_OR_RETURN(const auto revoked, deps_.allowances.Revoke(session, rule.text()));
  for (const NetworkAllowance& allowance : revoked) *answer.add_revoked() = ToWire(allowance);
  const std::vector<std::string> sessions =
      session.empty() ? deps_.allowances.Sessions() : std::vector<std::string>{session};
  for (const std::string& open : sessions) {
    const auto policy = deps_.allowances.PolicyOf(open);
    const egress::HostRule* still =
        policy && !rule.below ? egress::FindRule(policy->rules, rule.host) : nullptr;
    if (still == nullptr) continue;
    auto& remaining = *answer.add_remaining();
    remaining.set_sandbox(NameOf(open));
    remaining.set_rule(still->text());
  }
  if (!revoked.empty()) return answer;
  const std::string where =
      session.empty() ? std::string() : Format(" for {}", Printable(request.sandbox()));
  absl::Status none = WithReason(NotFound("{} was not allowed by hand{}", rule.text(), where),
                                 "ALLOWANCE_NOT_FOUND");
  if (answer.remaining().empty()) return WithHint(none, "see what was with: workmux net allow");
  return WithHint(none, Format("take {} out of sandbox.network and start the sandbox again",
                               answer.remaining(0).rule()));
}

grpc::ServerUnaryReactor* NetworkService::ReloadNetwork(grpc::CallbackServerContext* context,
                                                        const pb::ReloadNetworkRequest* wire,
                                                        pb::ReloadNetworkResponse* response) {
  const auto body =
      [this](const pb::ReloadNetworkRequest& request) -> absl::StatusOr<pb::ReloadNetworkResponse> {
    WM_ASSIGN_OR_RETURN(const NetworkReload::Result result,
                        deps_.reload.Run(workmux::daemon::FromWire(request.context())));
    pb::ReloadNetworkResponse answer;
    answer.set_sandboxes(static_cast<std::uint32_t>(result.sandboxes));
    for (const NetworkReload::Change& change : result.changes) {
      auto& told = *answer.add_changes();
      told.set_session_id(change.session);
      told.set_sandbox(change.sandbox);
      for (const std::string& rule : change.added) told.add_added(rule);
      for (const std::string& rule : change.removed) told.add_removed(rule);
    }
    for (const std::string& warning : result.warnings) answer.add_warnings(warning);
    return answer;
  };
  return Start(deps_.executor, context, wire, response, body);
}

}  // namespace workmux::daemon
