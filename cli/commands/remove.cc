#include "cli/commands/remove.h"

#include "cli/commands/trust.h"
#include "cli/commands/workspace_events.h"
#include "cli/exit_code.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;
using Candidate = pb::InspectRemovalResponse::Candidate;

bool LosesBranch(const Candidate& candidate, const RemoveOptions& options) {
  return candidate.unmerged_count() > 0 && !options.keep_branch;
}

template <class Lines>
std::string ShownLines(const Lines& lines, std::uint32_t total) {
  std::string text;
  for (const auto& line : lines) text += Format("    {}\n", PrintableLines(line));
  const auto shown = static_cast<std::uint32_t>(lines.size());
  if (total > shown) text += Format("    and {} more\n", total - shown);
  return text;
}

// What removing would lose; empty when nothing would be.
std::string DescribeLoss(const Candidate& candidate, const RemoveOptions& options) {
  std::string text;
  if (candidate.uncommitted_count() > 0) {
    text += Format("  {}\n", Counted(candidate.uncommitted_count(), "uncommitted change"));
    text += ShownLines(candidate.uncommitted(), candidate.uncommitted_count());
  }
  if (LosesBranch(candidate, options)) {
    text += Format("  {} not in {}\n", Counted(candidate.unmerged_count(), "commit"),
                   PrintableLines(candidate.base()));
    text += ShownLines(candidate.unmerged_commits(), candidate.unmerged_count());
  }
  if (text.empty()) return text;
  return Format("removing {} loses\n{}", PrintableLines(candidate.handle()), text);
}

absl::StatusOr<pb::InspectRemovalResponse> Inspect(const RemoveOptions& options,
                                                   const CommandEnv& env) {
  pb::InspectRemovalRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  for (const std::string& name : options.names) request.add_names(name);
  return env.daemon.InspectRemoval(request);
}

// OK when nothing is lost or the user agreed.
absl::Status Agree(const pb::InspectRemovalResponse& inspected, const RemoveOptions& options,
                   const CommandEnv& env) {
  std::string losses;
  for (const Candidate& candidate : inspected.candidates()) {
    if (!candidate.unknown().empty()) {
      return WithHint(
          WithReason(FailedPrecondition("{}: {}", candidate.handle(), candidate.unknown()),
                     "REMOVAL_UNCHECKED"),
          "pass --force to remove it without the check");
    }
    losses += DescribeLoss(candidate, options);
  }
  if (losses.empty()) return absl::OkStatus();
  env.terminal.Err(losses);
  if (!env.terminal.interactive()) {
    return WithHint(WithReason(InvalidArgument("there is work to lose and no terminal to ask on"),
                               "CONFIRMATION_NEEDED"),
                    "pass --force to remove it anyway");
  }
  WM_ASSIGN_OR_RETURN(const bool agreed, env.terminal.Confirm("Remove it all the same?"));
  return agreed ? absl::OkStatus() : Aborted("nothing was removed");
}

absl::Status RemoveOne(const pb::RemoveWorktreeRequest& request, const CommandEnv& env) {
  const DaemonClient::Result result = RetryAfterTrust(env, [&] {
    ProgressDisplay progress(env.terminal);
    return env.daemon.RemoveWorktree(
        request, [&](const pb::WorkspaceEvent& event) { ShowEvent(event, progress); });
  });
  if (!result.ok()) return result.status();
  std::string text = Format("removed {}\n", PrintableLines(result->handle()));
  if (!result->recovery_ref().empty()) {
    text += Format("  its last commit is kept as {}\n", PrintableLines(result->recovery_ref()));
  }
  env.terminal.Out(text);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int> RunRemove(const RemoveOptions& options, const CommandEnv& env) {
  std::vector<Candidate> candidates;
  if (options.force && !options.names.empty()) {
    for (const std::string& name : options.names) candidates.emplace_back().set_handle(name);
  } else {
    WM_ASSIGN_OR_RETURN(const pb::InspectRemovalResponse inspected, Inspect(options, env));
    if (!options.force) WM_RETURN_IF_ERROR(Agree(inspected, options, env));
    candidates.assign(inspected.candidates().begin(), inspected.candidates().end());
  }
  int exit_code = kExitOk;
  for (const Candidate& candidate : candidates) {
    pb::RemoveWorktreeRequest request;
    WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
    request.set_name(candidate.handle());
    request.set_force(options.force);
    request.set_discard_uncommitted(options.force || candidate.uncommitted_count() > 0);
    request.set_discard_unmerged(options.force || LosesBranch(candidate, options));
    request.set_keep_branch(options.keep_branch);
    request.set_no_hooks(options.no_hooks);
    const absl::Status removed = RemoveOne(request, env);
    if (absl::IsCancelled(removed) || (!removed.ok() && candidates.size() == 1)) return removed;
    if (removed.ok()) continue;
    env.terminal.PrintError(Annotate(removed, candidate.handle()));
    exit_code = kExitFailed;
  }
  return exit_code;
}

}  // namespace workmux::cli
