#include "cli/commands/net.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <thread>

#include "cli/client/invocation_context.h"
#include "cli/duration.h"
#include "cli/exit_code.h"
#include "cli/output/agent_status.h"
#include "cli/output/network_json.h"
#include "cli/output/network_text.h"
#include "cli/terminal/table.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "workmux/control/v1/network.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

constexpr std::chrono::milliseconds kFollowEvery{500};
constexpr std::uint32_t kFollowBatch = 1000;

absl::Status CheckWords(const std::string& host, const std::string& sandbox) {
  WM_RETURN_IF_ERROR(CheckUtf8(host, "the host"));
  return CheckUtf8(sandbox, "the sandbox's name");
}

void PrintEvents(const pb::ListNetworkEventsResponse& response, const NetLogOptions& options,
                 bool first, const CommandEnv& env) {
  if (options.json) {
    for (const auto& event : response.events()) env.terminal.Out(NetworkEventJson(event));
    return;
  }
  if (!first) {
    for (const auto& event : response.events())
      env.terminal.Out(Printable(Join(EventRow(event), "  ")) + "\n");
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& event : response.events()) rows.push_back(EventRow(event));
  if (!rows.empty()) {
    env.terminal.Out(FormatTable(EventHeader(), rows));
  } else if (!options.follow) {
    env.terminal.Out("no restricted sandbox has reached for anything\n");
  }
}

absl::Status ShowAllowances(const CommandEnv& env) {
  WM_ASSIGN_OR_RETURN(const pb::ListAllowancesResponse response, env.daemon.ListAllowances());
  std::vector<std::vector<std::string>> rows;
  for (const pb::Allowance& allowance : response.allowances()) {
    const std::string end = allowance.session_id().empty() ? "revoked" : "the sandbox ends";
    rows.push_back(
        {allowance.host(), allowance.allow_private_ips() ? "yes" : "no",
         allowance.session_id().empty() ? "all" : allowance.sandbox(),
         allowance.until_unix_seconds() == 0 ? end : LocalTime(allowance.until_unix_seconds())});
  }
  env.terminal.Out(rows.empty() ? "nothing is allowed by hand\n"
                                : FormatTable({"HOST", "PRIVATE", "SANDBOX", "UNTIL"}, rows));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> RunNetLog(const NetLogOptions& options, const CommandEnv& env) {
  WM_RETURN_IF_ERROR(CheckWords({}, options.sandbox));
  pb::ListNetworkEventsRequest request;
  request.set_sandbox(options.sandbox);
  request.set_limit(std::max(1U, options.lines));
  for (bool first = true;; first = false) {
    WM_ASSIGN_OR_RETURN(const pb::ListNetworkEventsResponse response,
                        env.daemon.ListNetworkEvents(request));
    PrintEvents(response, options, first, env);
    if (!options.follow) return kExitOk;
    if (!response.events().empty())
      request.set_after(response.events(response.events_size() - 1).id());
    request.set_limit(kFollowBatch);
    std::this_thread::sleep_for(kFollowEvery);
  }
}

absl::StatusOr<int> RunNetPs(const NetPsOptions& options, const CommandEnv& env) {
  WM_RETURN_IF_ERROR(CheckWords({}, options.sandbox));
  pb::ListTunnelsRequest request;
  request.set_sandbox(options.sandbox);
  WM_ASSIGN_OR_RETURN(const pb::ListTunnelsResponse response, env.daemon.ListTunnels(request));
  if (options.json) {
    env.terminal.Out(TunnelsJson(response));
    return kExitOk;
  }
  const std::int64_t now = std::time(nullptr);
  std::vector<std::vector<std::string>> rows;
  for (const auto& tunnel : response.tunnels()) {
    const bool open = !tunnel.address().empty();
    rows.push_back({tunnel.sandbox(), tunnel.host().empty() ? tunnel.service() : tunnel.host(),
                    tunnel.address(), open ? FormatAge(now - tunnel.since_unix_seconds()) : "",
                    ByteCount(tunnel.bytes_up()), ByteCount(tunnel.bytes_down())});
  }
  env.terminal.Out(rows.empty()
                       ? "no connection is open\n"
                       : FormatTable({"SANDBOX", "HOST", "ADDRESS", "AGE", "UP", "DOWN"}, rows));
  return kExitOk;
}

absl::StatusOr<int> RunNetWhy(const NetWhyOptions& options, const CommandEnv& env) {
  WM_RETURN_IF_ERROR(CheckWords(options.host, options.sandbox));
  pb::ExplainHostRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_host(options.host);
  request.set_sandbox(options.sandbox);
  WM_ASSIGN_OR_RETURN(const pb::ExplainHostResponse response, env.daemon.ExplainHost(request));
  env.terminal.Out(options.json ? ExplanationJson(response) : ExplanationText(response));
  return kExitOk;
}

absl::StatusOr<int> RunNetAllow(const NetAllowOptions& options, const CommandEnv& env) {
  if (options.host.empty()) {
    const bool asks = options.sandbox.empty() && options.duration.empty() && !options.save &&
                      !options.allow_private_ips;
    if (!asks) return InvalidArgument("no host is named");
    WM_RETURN_IF_ERROR(ShowAllowances(env));
    return kExitOk;
  }
  WM_RETURN_IF_ERROR(CheckWords(options.host, options.sandbox));
  pb::AllowHostRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_host(options.host);
  request.set_sandbox(options.sandbox);
  request.set_allow_private_ips(options.allow_private_ips);
  request.set_save(options.save);
  if (!options.duration.empty()) {
    WM_ASSIGN_OR_RETURN(const std::int64_t seconds, ParseDuration(options.duration));
    request.set_seconds(seconds);
  }
  WM_ASSIGN_OR_RETURN(const pb::AllowHostResponse response, env.daemon.AllowHost(request));
  if (!response.warning().empty()) env.terminal.PrintWarning(response.warning());
  env.terminal.Out(Format("{} is allowed {}\n", response.allowance().host(),
                          Printable(ScopeOf(response.allowance()))));
  if (!response.saved_file().empty())
    env.terminal.Out(Format("added to {}\n", Printable(response.saved_file())));
  return kExitOk;
}

absl::StatusOr<int> RunNetRevoke(const NetRevokeOptions& options, const CommandEnv& env) {
  WM_RETURN_IF_ERROR(CheckWords(options.host, options.sandbox));
  pb::RevokeHostRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_host(options.host);
  request.set_sandbox(options.sandbox);
  WM_ASSIGN_OR_RETURN(const pb::RevokeHostResponse response, env.daemon.RevokeHost(request));
  for (const pb::Allowance& allowance : response.revoked()) {
    const std::string where =
        allowance.session_id().empty() ? "every sandbox" : Printable(allowance.sandbox());
    env.terminal.Out(Format("{} is not allowed by hand any more in {}\n", allowance.host(), where));
  }
  for (const auto& remaining : response.remaining()) {
    env.terminal.PrintWarning(Format("{} may still reach it by its rule {}",
                                     Printable(remaining.sandbox()), remaining.rule()));
  }
  return kExitOk;
}

absl::StatusOr<int> RunNetReload(const CommandEnv& env) {
  pb::ReloadNetworkRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  const absl::StatusOr<pb::ReloadNetworkResponse> response = env.daemon.ReloadNetwork(request);
  if (!response.ok()) return Annotate(response.status(), "the rules stay as they are");
  for (const std::string& warning : response->warnings()) env.terminal.PrintWarning(warning);
  for (const auto& change : response->changes()) {
    const std::string name = Printable(change.sandbox());
    for (const std::string& rule : change.added())
      env.terminal.Out(Format("{}: {} is allowed\n", name, rule));
    for (const std::string& rule : change.removed())
      env.terminal.Out(Format("{}: {} is not allowed any more\n", name, rule));
    if (change.added().empty() && change.removed().empty())
      env.terminal.Out(Format("{}: sandbox.network.sni has changed\n", name));
  }
  env.terminal.Out(Format("{} of {} restricted sandboxes changed\n", response->changes_size(),
                          response->sandboxes()));
  return kExitOk;
}

}  // namespace workmux::cli
