#pragma once

#include <string>

namespace workmux::control::v1 {
class ExplainHostResponse;
class ListTunnelsResponse;
class NetworkEvent;
}  // namespace workmux::control::v1

namespace workmux::cli {

// As json.h's: one line each; keys stay; what is not known is null.

// {time, sandbox, session_id, event, host, rule, reason, detail, count, bytes_up,
// bytes_down, seconds}; time in unix seconds with a fraction; event "allowed",
// "refused", "ended" or "omitted" (`count` events that were not recorded); the last
// three of "ended" only. A port of the host's own has `service` in place of a host.
std::string NetworkEventJson(const control::v1::NetworkEvent& event);

// An array of {sandbox, session_id, host, address, rule, since, bytes_up, bytes_down};
// since in unix seconds.
std::string TunnelsJson(const control::v1::ListTunnelsResponse& response);

// {host, sandbox, restricted, allowed, rule, allow_private_ips, addresses: [{address,
// allowed, reason, detail}], resolve_error, events: as NetworkEventJson}; allowed says
// whether a rule allows the name.
std::string ExplanationJson(const control::v1::ExplainHostResponse& response);

}  // namespace workmux::cli
