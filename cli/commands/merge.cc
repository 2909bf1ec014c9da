#include "cli/commands/merge.h"

#include "cli/commands/trust.h"
#include "cli/commands/workspace_events.h"
#include "cli/exit_code.h"
#include "common/base/status.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {

namespace pb = control::v1;

absl::StatusOr<int> RunMerge(const MergeOptions& options, const CommandEnv& env) {
  WM_RETURN_IF_ERROR(CheckUtf8(options.message, "the message"));
  pb::MergeWorktreeRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_name(options.name);
  request.set_into(options.into);
  request.set_message(options.message);
  if (options.rebase) request.set_strategy(pb::MERGE_STRATEGY_REBASE);
  if (options.squash) request.set_strategy(pb::MERGE_STRATEGY_SQUASH);
  if (options.keep) request.set_keep(true);
  if (options.cleanup) request.set_keep(false);
  request.set_ignore_uncommitted(options.ignore_uncommitted);
  request.set_no_verify(options.no_verify);
  request.set_no_hooks(options.no_hooks);
  const DaemonClient::Result result = RetryAfterTrust(env, [&] {
    ProgressDisplay progress(env.terminal);
    return env.daemon.MergeWorktree(
        request, [&](const pb::WorkspaceEvent& event) { ShowEvent(event, progress); });
  });
  if (!result.ok()) return result.status();
  env.terminal.Out(Format("merged {} into {}\n", PrintableLines(result->branch()),
                          PrintableLines(result->merged_into())));
  return kExitOk;
}

}  // namespace workmux::cli
