#include "cli/commands/status.h"

#include <algorithm>
#include <ctime>

#include "cli/exit_code.h"
#include "cli/output/agent_status.h"
#include "cli/output/json.h"
#include "cli/terminal/table.h"
#include "common/base/format.h"
#include "common/base/status.h"
#include "workmux/control/v1/agent.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

std::string GitWords(const pb::Agent& agent) {
  std::string words;
  const auto add = [&](bool known, bool set, std::string_view word) {
    if (known && !set) return;
    if (!words.empty()) words += ' ';
    words += word;
    if (!known) words += '?';
  };
  add(agent.has_has_staged(), agent.has_staged(), "staged");
  add(agent.has_has_unstaged(), agent.has_unstaged(), "unstaged");
  add(agent.has_has_unmerged_commits(), agent.has_unmerged_commits(), "unmerged");
  return words;
}

std::string BlockedWords(const pb::Agent& agent) {
  if (!agent.has_blocked()) return "";
  const std::string& last = agent.blocked().last_host();
  return Format("{}{}", agent.blocked().count(), last.empty() ? "" : Format(" ({})", last));
}

}  // namespace

std::string AgentTable(const pb::ListAgentsResponse& response, bool git, std::int64_t now) {
  std::vector<std::string> header = {"WORKTREE", "STATUS", "ELAPSED"};
  if (git) header.emplace_back("GIT");
  const bool blocked = std::any_of(response.agents().begin(), response.agents().end(),
                                   [](const pb::Agent& agent) { return agent.has_blocked(); });
  if (blocked) header.emplace_back("BLOCKED");
  header.emplace_back("TITLE");
  std::vector<std::vector<std::string>> rows;
  for (const auto& agent : response.agents()) {
    const bool known = agent.status_unix_seconds() > 0;
    auto& row = rows.emplace_back();
    row = {agent.worktree(), std::string(StatusWord(agent.status())),
           known ? FormatAge(now - agent.status_unix_seconds()) : ""};
    if (git) row.push_back(GitWords(agent));
    if (blocked) row.push_back(BlockedWords(agent));
    row.push_back(agent.title());
  }
  return FormatTable(header, rows);
}

absl::StatusOr<int> RunStatus(const StatusOptions& options, const CommandEnv& env) {
  pb::ListAgentsRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_git(options.git);
  for (const std::string& target : options.targets) request.add_targets(target);
  WM_ASSIGN_OR_RETURN(const pb::ListAgentsResponse response, env.daemon.ListAgents(request));
  const std::int64_t now = std::time(nullptr);
  if (options.json) {
    env.terminal.Out(AgentsJson(response, options.targets, options.git, now));
  } else if (response.agents().empty() && response.target_errors().empty()) {
    env.terminal.Out("no agents\n");
  } else {
    env.terminal.Out(AgentTable(response, options.git, now));
  }
  for (const auto& error : response.target_errors()) {
    env.terminal.PrintError(NotFound("{}: {}", error.target(), error.message()));
  }
  return response.target_errors().empty() ? kExitOk : kExitFailed;
}

}  // namespace workmux::cli
