#include "daemon/rpc/convert.h"

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/version.h"

namespace workmux::daemon {

namespace pb = ::workmux::control::v1;

Caller FromWire(const pb::InvocationContext& context) {
  Caller caller;
  caller.cwd = context.cwd();
  for (const auto& [name, value] : context.env()) caller.env.emplace(name, value);
  caller.cli_path = context.cli_path();
  caller.interactive = context.interactive();
  return caller;
}

ExitStatus FromWire(const pb::ExitStatus& status) {
  return {.code = status.code(), .signal = status.signal()};
}

pb::ExecPlan ToWire(const ExecPlan& plan) {
  pb::ExecPlan wire;
  for (const std::string& argument : plan.argv) wire.add_argv(argument);
  for (const auto& [name, value] : plan.env) (*wire.mutable_env())[name] = value;
  wire.set_cwd(plan.cwd.string());
  for (const InheritedFile& file : plan.files) {
    auto* inherited = wire.add_files();
    inherited->set_number(file.number);
    inherited->set_content(file.content);
  }
  wire.set_ignore_keyboard_signals(plan.ignore_keyboard_signals);
  return wire;
}

pb::AgentStatus ToWire(AgentStatus status) {
  switch (status) {
    case AgentStatus::kWorking:
      return pb::AGENT_STATUS_WORKING;
    case AgentStatus::kWaiting:
      return pb::AGENT_STATUS_WAITING;
    case AgentStatus::kDone:
      return pb::AGENT_STATUS_DONE;
    case AgentStatus::kNone:
      break;
  }
  return pb::AGENT_STATUS_UNSPECIFIED;
}

absl::StatusOr<AgentStatus> FromWire(pb::AgentStatus status) {
  switch (status) {
    case pb::AGENT_STATUS_WORKING:
      return AgentStatus::kWorking;
    case pb::AGENT_STATUS_WAITING:
      return AgentStatus::kWaiting;
    case pb::AGENT_STATUS_DONE:
      return AgentStatus::kDone;
    case pb::AGENT_STATUS_CLEAR:
      return AgentStatus::kNone;
    default:
      return InvalidArgument("status: one of working, waiting, done, clear is needed");
  }
}

absl::Status CheckClientVersion(const grpc::CallbackServerContext& context) {
  const auto found = context.client_metadata().find("workmux-api-major");
  if (found == context.client_metadata().end()) return absl::OkStatus();
  const std::string_view text(found->second.data(), found->second.size());
  long long major = 0;
  if (ParseInt(text, major) && major == static_cast<long long>(kApiMajor)) return absl::OkStatus();
  return WithHint(WithReason(FailedPrecondition(
                                 "the running workmuxd {} speaks version {} of the protocol, this "
                                 "client speaks {}",
                                 std::string_view(kVersion), kApiMajor, Printable(text)),
                             "DAEMON_VERSION"),
                  "run: workmux daemon restart");
}

}  // namespace workmux::daemon
