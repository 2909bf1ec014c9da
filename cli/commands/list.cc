#include "cli/commands/list.h"

#include <ctime>

#include "cli/exit_code.h"
#include "cli/output/agent_status.h"
#include "cli/output/json.h"
#include "cli/terminal/progress_display.h"
#include "cli/terminal/table.h"
#include "common/base/status.h"
#include "workmux/control/v1/workspace.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;

std::string ShownPath(const std::string& path, const std::filesystem::path& cwd) {
  const auto relative = std::filesystem::path(path).lexically_relative(cwd);
  if (relative.empty()) return path;
  // Two levels up and more are easier to read as what they are.
  return relative.native().starts_with("../../..") ? path : relative.string();
}

}  // namespace

std::string WorktreeTable(const pb::ListWorktreesResponse& response,
                          const std::filesystem::path& cwd, bool icons, std::int64_t now) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& entry : response.worktrees()) {
    const std::vector<std::string> statuses(entry.agent_statuses().begin(),
                                            entry.agent_statuses().end());
    const bool has_age = entry.has_created_unix_seconds();
    rows.push_back({entry.branch(), has_age ? FormatAge(now - entry.created_unix_seconds()) : "",
                    StatusSummary(statuses, icons),
                    !entry.has_is_open() ? "?"
                    : entry.is_open()    ? "✓"
                                         : "",
                    entry.is_main()                     ? ""
                    : !entry.has_has_unmerged_commits() ? "?"
                    : entry.has_unmerged_commits()      ? "●"
                                                        : "",
                    ShownPath(entry.path(), cwd)});
  }
  return FormatTable({"BRANCH", "AGE", "AGENT", "MUX", "UNMERGED", "PATH"}, rows);
}

absl::StatusOr<int> RunList(const ListOptions& options, const CommandEnv& env) {
  pb::ListWorktreesRequest request;
  WM_RETURN_IF_ERROR(FillContext(env.invocation, *request.mutable_context()));
  request.set_git(options.git || !options.json);
  for (const std::string& filter : options.filters) request.add_filters(filter);
  ProgressDisplay progress(env.terminal);
  progress.SetTitle("looking at the worktrees");
  const auto response = env.daemon.ListWorktrees(request);
  progress.Finish();
  if (!response.ok()) return response.status();
  for (const auto& warning : response->warnings()) env.terminal.PrintWarning(warning);
  env.terminal.Out(options.json ? WorktreesJson(*response)
                                : WorktreeTable(*response, env.invocation.cwd,
                                                env.terminal.out_is_tty(), std::time(nullptr)));
  return kExitOk;
}

}  // namespace workmux::cli
