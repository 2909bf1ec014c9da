#include "cli/client/rpc_error.h"

#include "common/base/status.h"
#include "common/rpc/grpc_status.h"

namespace workmux::cli {
namespace {

constexpr char kRestart[] = "run `workmux daemon restart`; running agents are kept";

}  // namespace

absl::Status FromDaemon(const grpc::Status& status) {
  absl::Status error = FromGrpc(status);
  const std::string reason = ReasonOf(error);
  if (reason == "DAEMON_VERSION" && HintOf(error).empty())
    return WithHint(std::move(error), kRestart);
  // Those that gRPC itself makes carry no reason; its texts mean nothing to a user.
  if (!reason.empty()) return error;
  if (absl::IsUnimplemented(error)) {
    return WithHint(
        WithReason(FailedPrecondition("the running workmuxd does not know this command"),
                   "DAEMON_VERSION"),
        kRestart);
  }
  if (absl::IsUnavailable(error)) {
    return WithHint(Unavailable("the connection to workmuxd broke"), "see `workmux daemon logs`");
  }
  if (absl::IsCancelled(error)) return Cancelled("interrupted");
  return error;
}

}  // namespace workmux::cli
