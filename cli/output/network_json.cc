#include "cli/output/network_json.h"

#include <nlohmann/json.hpp>

#include "cli/output/network_text.h"
#include "workmux/control/v1/network.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;
using Json = nlohmann::ordered_json;

std::string Line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json OrNull(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json EventJson(const pb::NetworkEvent& event) {
  const bool ended = event.kind() == pb::NetworkEvent::KIND_ENDED;
  Json json = {
      {"time", static_cast<double>(event.unix_milliseconds()) / 1000},
      {"sandbox", OrNull(event.sandbox())},
      {"session_id", OrNull(event.session_id())},
      {"event", std::string(EventWord(event))},
      {"host", OrNull(event.host())},
      {"rule", OrNull(event.rule())},
      {"reason", OrNull(event.reason())},
      {"detail", OrNull(event.detail())},
      {"count", event.count()},
      {"bytes_up", ended ? Json(event.bytes_up()) : Json(nullptr)},
      {"bytes_down", ended ? Json(event.bytes_down()) : Json(nullptr)},
      {"seconds", ended ? Json(static_cast<double>(event.milliseconds()) / 1000) : Json(nullptr)},
  };
  if (!event.service().empty()) json["service"] = event.service();
  return json;
}

Json CredentialJson(const pb::ExplainHostResponse::Credential& added) {
  return {{"header", added.header()},
          {"file", OrNull(added.file())},
          {"command", std::vector<std::string>(added.command().begin(), added.command().end())},
          {"allow", std::vector<std::string>(added.allow().begin(), added.allow().end())}};
}

}  // namespace

std::string NetworkEventJson(const pb::NetworkEvent& event) { return Line(EventJson(event)); }

std::string TunnelsJson(const pb::ListTunnelsResponse& response) {
  Json list = Json::array();
  for (const auto& tunnel : response.tunnels()) {
    const bool open = !tunnel.address().empty();
    list.push_back({{"sandbox", tunnel.sandbox()},
                    {"session_id", tunnel.session_id()},
                    {"host", OrNull(tunnel.host())},
                    {"service", OrNull(tunnel.service())},
                    {"address", OrNull(tunnel.address())},
                    {"rule", OrNull(tunnel.rule())},
                    {"since", open ? Json(tunnel.since_unix_seconds()) : Json(nullptr)},
                    {"bytes_up", tunnel.bytes_up()},
                    {"bytes_down", tunnel.bytes_down()}});
  }
  return Line(list);
}

std::string ExplanationJson(const pb::ExplainHostResponse& response) {
  Json addresses = Json::array();
  for (const auto& address : response.addresses()) {
    addresses.push_back({{"address", address.address()},
                         {"allowed", address.allowed()},
                         {"reason", OrNull(address.reason())},
                         {"detail", OrNull(address.detail())}});
  }
  Json events = Json::array();
  for (const auto& event : response.events()) events.push_back(EventJson(event));
  return Line({{"host", response.host()},
               {"sandbox", OrNull(response.sandbox())},
               {"restricted", response.restricted()},
               {"allowed", !response.restricted() || !response.rule().empty()},
               {"rule", OrNull(response.rule())},
               {"allow_private_ips", response.allows_private_ips()},
               {"credential",
                response.has_credential() ? CredentialJson(response.credential()) : Json(nullptr)},
               {"addresses", std::move(addresses)},
               {"resolve_error", OrNull(response.resolve_error())},
               {"events", std::move(events)}});
}

}  // namespace workmux::cli
