#include "cli/commands/set_window_status.h"

#include "cli/exit_code.h"
#include "common/base/status.h"
#include "workmux/control/v1/agent.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

pb::AgentStatus ParseStatus(std::string_view word) {
  if (word == "working") return pb::AGENT_STATUS_WORKING;
  if (word == "waiting") return pb::AGENT_STATUS_WAITING;
  if (word == "done") return pb::AGENT_STATUS_DONE;
  if (word == "clear") return pb::AGENT_STATUS_CLEAR;
  return pb::AGENT_STATUS_UNSPECIFIED;
}

}  // namespace

absl::StatusOr<int> RunSetWindowStatus(const SetWindowStatusOptions& options,
                                       const CommandEnv& env) {
  const pb::AgentStatus status = ParseStatus(options.status);
  if (status == pb::AGENT_STATUS_UNSPECIFIED) {
    return WithHint(InvalidArgument("{}: not a status", options.status),
                    "use one of working, waiting, done, clear");
  }
  const Env& variables = env.invocation.env;
  if (variables.contains("WORKMUX_DISABLE_SET_WINDOW_STATUS")) return kExitOk;
  const auto pane = variables.find("TMUX_PANE");
  if (pane == variables.end() || pane->second.empty()) return kExitOk;
  pb::SetStatusRequest request;
  WM_RETURN_IF_ERROR(FillPaneContext(env.invocation, *request.mutable_context()));
  request.set_status(status);
  WM_RETURN_IF_ERROR(env.daemon.SetStatus(request).status());
  return kExitOk;
}

}  // namespace workmux::cli
