#include "cli/commands/sandbox_list.h"

#include <ctime>

#include "cli/client/session_runner.h"
#include "cli/exit_code.h"
#include "cli/output/agent_status.h"
#include "cli/output/json.h"
#include "cli/terminal/progress_display.h"
#include "cli/terminal/table.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "workmux/control/v1/sandbox.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;
using Listed = pb::ListSessionsResponse;

std::string_view StateWord(const Listed::Session& session) {
  switch (session.state()) {
    case Listed::STATE_RUNNING:
      return session.session_id().empty() ? "orphan" : "running";
    case Listed::STATE_STOPPED:
      return "stopped";
    case Listed::STATE_MISSING:
      return "missing";
    default:
      return "?";
  }
}

// "512 MiB", as few digits as tell.
std::string Bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kMebi = 1u << 20;
  return bytes < 10 * kMebi ? Format("{} KiB", bytes / 1024) : Format("{} MiB", bytes / kMebi);
}

absl::StatusOr<Listed> Ask(bool usage, const CommandEnv& env) {
  pb::ListSessionsRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_usage(usage);
  ProgressDisplay progress(env.terminal);
  progress.SetTitle("looking at the sandboxes");
  absl::StatusOr<Listed> listed = env.daemon.ListSessions(request);
  progress.Finish();
  if (listed.ok()) {
    for (const std::string& warning : listed->warnings()) env.terminal.PrintWarning(warning);
  }
  return listed;
}

// Without --backend these commands are about virtual machines.
absl::Status CheckBackend(const std::string& backend) {
  if (backend == "container" || backend == "all") return absl::OkStatus();
  if (backend.empty()) {
    return WithHint(FailedPrecondition("there are no virtual machines"),
                    "pass --backend container for the other sandboxes");
  }
  return InvalidArgument("--backend: expected container or all, found {}", Printable(backend));
}

absl::Status End(const std::string& name, const CommandEnv& env) {
  pb::EndSandboxRequest request;
  request.set_sandbox(name);
  WM_RETURN_IF_ERROR(env.daemon.EndSandbox(request));
  env.terminal.Out(Format("stopped {}\n", Printable(name)));
  return absl::OkStatus();
}

// What is to be stopped, after a look at what there is.
absl::StatusOr<std::vector<std::string>> Chosen(const SandboxStopOptions& options,
                                                const CommandEnv& env) {
  WM_ASSIGN_OR_RETURN(const Listed listed, Ask(/*usage=*/false, env));
  std::vector<std::string> running;
  for (const Listed::Session& session : listed.sessions()) {
    if (session.state() == Listed::STATE_RUNNING) running.push_back(session.sandbox());
  }
  if (!options.all && !env.terminal.interactive()) {
    return WithHint(InvalidArgument("no sandbox is named and there is no terminal to ask on"),
                    "name one, or pass --all");
  }
  if (running.empty()) return running;
  env.terminal.Err(SandboxTable(listed, /*stats=*/false, std::time(nullptr)));
  if (options.yes) return running;
  if (!env.terminal.interactive()) {
    return WithHint(
        WithReason(InvalidArgument("there is no terminal to ask on"), "CONFIRMATION_NEEDED"),
        "pass --yes to stop them all");
  }
  WM_ASSIGN_OR_RETURN(const bool agreed, env.terminal.Confirm("Stop every sandbox that runs?"));
  if (!agreed) return Aborted("nothing was stopped");
  return running;
}

}  // namespace

std::string SandboxTable(const Listed& response, bool stats, std::int64_t now) {
  std::vector<std::string> header = {"NAME", "STATE", "BACKEND", "AGENT", "AGE"};
  if (stats) header.insert(header.end(), {"MEMORY", "CPU", "PROCESSES"});
  header.emplace_back("WORKTREE");
  std::vector<std::vector<std::string>> rows;
  for (const Listed::Session& session : response.sessions()) {
    const bool orphan = session.session_id().empty();
    std::vector<std::string> row = {session.sandbox(), std::string(StateWord(session)),
                                    session.backend(), session.agent(),
                                    orphan ? "" : FormatAge(now - session.started_unix_seconds())};
    if (stats && session.has_usage()) {
      row.insert(row.end(), {Bytes(session.usage().memory_bytes()),
                             Format("{} s", session.usage().cpu_microseconds() / 1'000'000),
                             Format("{}", session.usage().processes())});
    } else if (stats) {
      row.insert(row.end(), 3, "");
    }
    row.push_back(session.worktree());
    rows.push_back(std::move(row));
  }
  return FormatTable(header, rows);
}

absl::StatusOr<int> RunSandboxList(const SandboxListOptions& options, const CommandEnv& env) {
  WM_ASSIGN_OR_RETURN(const Listed listed, Ask(options.stats, env));
  env.terminal.Out(options.json ? SandboxesJson(listed)
                                : SandboxTable(listed, options.stats, std::time(nullptr)));
  return kExitOk;
}

absl::StatusOr<int> RunSandboxLogs(const SandboxLogsOptions& options, const CommandEnv& env) {
  SessionSignals signals;
  pb::PlanLogsRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  WM_RETURN_IF_ERROR(CheckUtf8(options.name, "the sandbox's name"));
  request.set_sandbox(options.name);
  request.set_follow(options.follow);
  request.set_lines(options.lines);
  WM_ASSIGN_OR_RETURN(const pb::PlanAttachResponse response, env.daemon.PlanLogs(request));
  WM_ASSIGN_OR_RETURN(const Command command, CommandFromPlan(response.plan()));
  return RunForeground(command, signals);
}

absl::StatusOr<int> RunSandboxStop(const SandboxStopOptions& options, const CommandEnv& env) {
  WM_RETURN_IF_ERROR(CheckBackend(options.backend));
  WM_RETURN_IF_ERROR(CheckUtf8(options.name, "the sandbox's name"));
  if (!options.name.empty()) {
    WM_RETURN_IF_ERROR(End(options.name, env));
    return kExitOk;
  }
  WM_ASSIGN_OR_RETURN(const std::vector<std::string> names, Chosen(options, env));
  if (names.empty()) env.terminal.Out("no sandbox is running\n");
  for (const std::string& name : names) WM_RETURN_IF_ERROR(End(name, env));
  return kExitOk;
}

absl::StatusOr<int> RunSandboxPrune(const SandboxPruneOptions& options, const CommandEnv& env) {
  WM_RETURN_IF_ERROR(CheckBackend(options.backend));
  if (!options.force) {
    if (!env.terminal.interactive()) {
      return WithHint(
          WithReason(InvalidArgument("there is no terminal to ask on"), "CONFIRMATION_NEEDED"),
          "pass --force to remove them without a question");
    }
    WM_ASSIGN_OR_RETURN(const bool agreed,
                        env.terminal.Confirm("Remove every sandbox in which nothing runs?"));
    if (!agreed) return Aborted("nothing was removed");
  }
  pb::PruneSandboxesRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  WM_ASSIGN_OR_RETURN(const pb::PruneSandboxesResponse pruned, env.daemon.PruneSandboxes(request));
  for (const std::string& warning : pruned.warnings()) env.terminal.PrintWarning(warning);
  for (const std::string& name : pruned.sandboxes())
    env.terminal.Out(Format("removed {}\n", Printable(name)));
  if (pruned.sandboxes().empty()) env.terminal.Out("nothing to remove\n");
  return kExitOk;
}

}  // namespace workmux::cli
