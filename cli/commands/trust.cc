#include "cli/commands/trust.h"

#include "cli/exit_code.h"
#include "common/base/status.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

absl::StatusOr<pb::ReviewConfigResponse> Review(const CommandEnv& env) {
  pb::ReviewConfigRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  return env.daemon.ReviewConfig(request);
}

absl::Status Trust(const CommandEnv& env, const std::string& sha256) {
  pb::TrustConfigRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_sha256(sha256);
  return env.daemon.TrustConfig(request);
}

absl::StatusOr<bool> ShowAndAsk(const CommandEnv& env, const pb::ReviewConfigResponse& review) {
  env.terminal.Err(
      Format("{} changed since it was trusted. It can run commands on this machine:\n\n{}\n\n",
             PrintableLines(review.file()), PrintableLines(review.content())));
  return env.terminal.Confirm("Trust this configuration?");
}

}  // namespace

absl::StatusOr<int> RunTrust(const TrustOptions& options, const CommandEnv& env) {
  WM_ASSIGN_OR_RETURN(const pb::ReviewConfigResponse review, Review(env));
  if (!review.needs_trust()) {
    env.terminal.Out("nothing to trust: the configuration has not changed\n");
    return kExitOk;
  }
  if (!options.yes) {
    if (!env.terminal.interactive()) {
      return WithHint(
          InvalidArgument("{} must be read before it is trusted, and there is no terminal",
                          review.file()),
          "run `workmux trust` in a terminal, or pass --yes after reading the file");
    }
    WM_ASSIGN_OR_RETURN(const bool agreed, ShowAndAsk(env, review));
    if (!agreed) return kExitFailed;
  }
  WM_RETURN_IF_ERROR(Trust(env, review.sha256()));
  env.terminal.Out(Format("trusted {}\n", PrintableLines(review.file())));
  return kExitOk;
}

absl::StatusOr<bool> TrustedJustNow(const absl::Status& status, const CommandEnv& env) {
  if (ReasonOf(status) != "CONFIG_NEEDS_TRUST") return false;
  if (!env.terminal.interactive()) return WithHint(status, "run `workmux trust` in the worktree");
  WM_ASSIGN_OR_RETURN(const pb::ReviewConfigResponse review, Review(env));
  if (!review.needs_trust()) return true;
  WM_ASSIGN_OR_RETURN(const bool agreed, ShowAndAsk(env, review));
  if (!agreed) return status;
  WM_RETURN_IF_ERROR(Trust(env, review.sha256()));
  return true;
}

}  // namespace workmux::cli
