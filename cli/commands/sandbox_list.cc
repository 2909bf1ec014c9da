#include "cli/commands/sandbox_list.h"

#include <algorithm>
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

absl::Status ConfirmStop(const std::string& question, const SandboxStopOptions& options,
                         const CommandEnv& env) {
  if (options.yes) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(const bool agreed, env.terminal.Confirm(question));
  return agreed ? absl::OkStatus() : Aborted("nothing was stopped");
}

// One of the sandboxes that run, by its number in the list or by its name.
absl::StatusOr<std::string> PickOne(const std::vector<std::string>& running,
                                    const CommandEnv& env) {
  if (running.size() == 1) return running.front();
  for (std::size_t i = 0; i < running.size(); ++i)
    env.terminal.Err(Format("{:>3}  {}\n", i + 1, Printable(running[i])));
  WM_ASSIGN_OR_RETURN(const std::string answer, env.terminal.Ask("Which one?"));
  if (std::find(running.begin(), running.end(), answer) != running.end()) return answer;
  long long number = 0;
  if (!ParseInt(answer, number) || number < 1 || number > static_cast<long long>(running.size()))
    return InvalidArgument("'{}' is none of them: nothing was stopped", Printable(answer));
  return running[static_cast<std::size_t>(number - 1)];
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
  if (!options.yes && !env.terminal.interactive()) {
    return WithHint(
        WithReason(InvalidArgument("there is no terminal to ask on"), "CONFIRMATION_NEEDED"),
        "pass --yes to stop them all");
  }
  env.terminal.Err(SandboxTable(listed, /*stats=*/false, std::time(nullptr)));
  if (options.all) {
    WM_RETURN_IF_ERROR(ConfirmStop("Stop every sandbox that runs?", options, env));
    return running;
  }
  WM_ASSIGN_OR_RETURN(const std::string one, PickOne(running, env));
  WM_RETURN_IF_ERROR(ConfirmStop(Format("Stop {}?", Printable(one)), options, env));
  return std::vector<std::string>{one};
}

absl::StatusOr<pb::PruneSandboxesResponse> Prune(bool preview, const CommandEnv& env) {
  pb::PruneSandboxesRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_preview(preview);
  ProgressDisplay progress(env.terminal);
  progress.SetTitle(preview ? "looking for what is not used" : "removing what is not used");
  return env.daemon.PruneSandboxes(request);
}

// The first characters of an image's id, without the algorithm, as the engines show them.
std::string ShortId(std::string_view id) {
  constexpr std::string_view kAlgorithm = "sha256:";
  if (id.starts_with(kAlgorithm)) id.remove_prefix(kAlgorithm.size());
  return Printable(id.substr(0, 12));
}

std::string PrunedLines(std::string_view verb, const pb::PruneSandboxesResponse& pruned) {
  std::string lines;
  for (const std::string& name : pruned.sandboxes())
    lines += Format("{}{}\n", verb, Printable(name));
  for (const auto& image : pruned.images())
    lines += Format("{}image {}, {}\n", verb, ShortId(image.id()), Printable(image.size()));
  return lines;
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
    if (env.terminal.interactive())
      WM_RETURN_IF_ERROR(ConfirmStop(Format("Stop {}?", Printable(options.name)), options, env));
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
    WM_ASSIGN_OR_RETURN(const pb::PruneSandboxesResponse offered, Prune(/*preview=*/true, env));
    const std::string lines = PrunedLines("", offered);
    if (!lines.empty() && !env.terminal.interactive()) {
      return WithHint(
          WithReason(InvalidArgument("there is no terminal to ask on"), "CONFIRMATION_NEEDED"),
          "pass --force to remove them without a question");
    }
    env.terminal.Err(lines);
    if (!lines.empty()) {
      WM_ASSIGN_OR_RETURN(const bool agreed, env.terminal.Confirm("Remove them?"));
      if (!agreed) return Aborted("nothing was removed");
    }
  }
  WM_ASSIGN_OR_RETURN(const pb::PruneSandboxesResponse pruned, Prune(/*preview=*/false, env));
  for (const std::string& warning : pruned.warnings()) env.terminal.PrintWarning(warning);
  const std::string lines = PrunedLines("removed ", pruned);
  env.terminal.Out(lines.empty() ? "nothing to remove\n" : lines);
  return kExitOk;
}

}  // namespace workmux::cli
