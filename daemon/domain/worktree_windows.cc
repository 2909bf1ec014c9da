#include "daemon/domain/worktree_windows.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "common/base/status.h"
#include "common/process/env.h"
#include "daemon/domain/worktree_base.h"
#include "daemon/domain/worktree_naming.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

std::string FreeWindowName(const Worktree& worktree, const Config& config, const std::string& token,
                           const std::vector<PaneInfo>& panes) {
  std::set<std::string> taken;
  bool has_window = false;
  for (const PaneInfo& pane : panes) {
    taken.insert(pane.window_name);
    has_window = has_window || pane.token == token;
  }
  std::string name = WindowName(worktree.repository, config, worktree.handle());
  // A window of that name that is not this worktree's belongs to another repository.
  if (!has_window && taken.contains(name)) name = QualifiedWindowName(name, worktree.repository);
  std::string free = name;
  for (unsigned number = 2; taken.contains(free); ++number) free = NumberedWindowName(name, number);
  return free;
}

}  // namespace

absl::StatusOr<std::string> NewWindowToken() {
  std::array<unsigned char, 16> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return ErrnoStatus(errno, "getrandom");
  }
  std::string token;
  for (const unsigned char byte : random) token += Format("{:02x}", static_cast<unsigned>(byte));
  return token;
}

fs::path StartDirectory(const WorktreeContext& context, const Worktree& worktree) {
  const fs::path& relative = context.config.source.relative_dir;
  if (relative.empty() || relative == ".") return worktree.path;
  const fs::path dir = (worktree.path / relative).lexically_normal();
  std::error_code error;
  // A link could lead out of the worktree; then its root is the place to start.
  const fs::path real = fs::canonical(dir, error);
  return !error && real == dir && fs::is_directory(dir, error) ? dir : worktree.path;
}

absl::StatusOr<PanePlan> PlanWindow(const WorktreeContext& context, const Worktree& worktree,
                                    const WindowOrder& order) {
  if (context.agents == nullptr) return Internal("no agents were given");
  const Config& config = context.config.config;
  PanePlanRequest request;
  request.cwd = StartDirectory(context, worktree);
  request.cli_path = context.caller.cli_path;
  request.agent = order.agent;
  request.backend = order.backend;
  request.sandboxed = order.sandboxed || config.sandbox.enabled;
  request.no_pane_commands = order.no_pane_commands;
  request.continue_conversation = order.continue_conversation;
  request.has_prompt = order.has_prompt;
  request.prompt_by_name = order.prompt_by_name;
  if (order.prompt_file) {
    request.prompt_file = (worktree.path / *order.prompt_file).lexically_relative(request.cwd);
  }
  std::error_code error;
  request.agent_by_default = !config.agent.empty() || !order.agent.empty() || order.has_prompt ||
                             request.sandboxed || order.continue_conversation ||
                             fs::exists(request.cwd / "CLAUDE.md", error);
  return PlanPanes(config, request, *context.agents);
}

absl::StatusOr<WindowRef> MakeWindow(const WorktreeDeps& deps, const WorktreeContext& context,
                                     const Worktree& worktree, const std::string& token,
                                     const WindowOrder& order, PanePlan plan) {
  const Config& config = context.config.config;
  WM_ASSIGN_OR_RETURN(const std::vector<PaneInfo> panes, context.multiplexer->ListPanes());
  WindowSpec spec;
  spec.name = FreeWindowName(worktree, config, token, panes);
  spec.token = token;
  spec.panes = std::move(plan.panes);
  spec.env = deps.window_env;
  spec.shell = LoginShellOf(context.caller.env);
  spec.background = order.background;
  spec.at_end = config.window_placement == WindowPlacement::kRightmost;
  context.progress.Step("window", Format("Opening the window {}", spec.name));
  return context.multiplexer->CreateWindow(spec, Lookup(context.caller.env, "TMUX_PANE"));
}

absl::StatusOr<std::size_t> KillWindows(const WorktreeDeps& deps, const WorktreeContext& context,
                                        const Worktree& worktree,
                                        std::vector<std::string>& deferred) {
  if (context.multiplexer == nullptr) return std::size_t{0};
  WM_ASSIGN_OR_RETURN(const std::string token, FindWindowToken(deps, worktree));
  if (token.empty()) return std::size_t{0};
  absl::StatusOr<std::vector<WindowRef>> windows = context.multiplexer->FindWindows(token);
  // Without a server there is no window either.
  if (absl::IsUnavailable(windows.status())) return std::size_t{0};
  if (!windows.ok()) return windows.status();
  const std::string own_pane = Lookup(context.caller.env, "TMUX_PANE");
  std::size_t killed = 0;
  for (const WindowRef& window : *windows) {
    const bool own = !own_pane.empty() && std::find(window.pane_ids.begin(), window.pane_ids.end(),
                                                    own_pane) != window.pane_ids.end();
    if (own) {
      deferred.push_back(window.window_id);
      continue;
    }
    const absl::Status done = context.multiplexer->KillWindow(window.window_id);
    if (!done.ok() && !absl::IsNotFound(done)) return done;
    ++killed;
  }
  return killed;
}

}  // namespace workmux::daemon
