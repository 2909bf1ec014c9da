#include "daemon/domain/worktree_setup.h"

#include <sys/stat.h>

#include "common/base/status.h"
#include "daemon/domain/file_operations.h"
#include "daemon/domain/hook_runner.h"
#include "daemon/domain/worktree_windows.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr char kClaudeLocal[] = "CLAUDE.local.md";

absl::Status LinkClaudeLocal(const WorktreeDeps& deps, const WorktreeContext& context,
                             const Worktree& main, const Worktree& worktree) {
  std::error_code error;
  if (!fs::is_regular_file(fs::symlink_status(main.path / kClaudeLocal, error))) {
    return absl::OkStatus();
  }
  const absl::StatusOr<bool> ignored = deps.git.IsIgnored(main, kClaudeLocal);
  if (!ignored.ok()) {
    context.progress.Warn(
        Format("{} was not linked: {}", kClaudeLocal, MessageOf(ignored.status())));
    return absl::OkStatus();
  }
  // A tracked or untracked one would show up as a change of the new worktree.
  if (!*ignored) return absl::OkStatus();
  return LinkUnlessPresent(main.path, worktree.path, kClaudeLocal);
}

}  // namespace

Env HookVariables(const Worktree& worktree) {
  const fs::path& main = worktree.repository.main_worktree;
  const std::string root = (main.empty() ? worktree.repository.common_dir : main).string();
  return {{"WORKMUX_HANDLE", worktree.handle()},
          {"WM_HANDLE", worktree.handle()},
          {"WM_WORKTREE_PATH", worktree.path.string()},
          {"WM_PROJECT_ROOT", root}};
}

absl::Status SetUpFiles(const WorktreeDeps& deps, const WorktreeContext& context,
                        const Worktree& worktree, std::span<const Worktree> siblings,
                        bool sandboxed) {
  const Worktree* main = nullptr;
  for (const Worktree& sibling : siblings) {
    if (sibling.is_main && !sibling.path.empty()) main = &sibling;
  }
  if (main == nullptr || main->path == worktree.path) return absl::OkStatus();
  const Config& config = context.config.config;
  FileOperations operations;
  const fs::path start = StartDirectory(context, worktree);
  operations.source = (main->path / start.lexically_relative(worktree.path)).lexically_normal();
  if (!operations.source.has_filename()) operations.source = operations.source.parent_path();
  operations.destination = start;
  operations.copy = config.files_copy;
  operations.symlink = config.files_symlink;
  for (const Worktree& sibling : siblings) {
    if (!sibling.is_main) operations.skip.insert(sibling.path);
  }
  operations.skip.insert(worktree.path);
  if (sandboxed)
    operations.kept_out = KeptOutFiles(main->path, config.sandbox.container.excluded_files);
  if (!operations.copy.empty() || !operations.symlink.empty()) {
    context.progress.Step("files", "Copying and linking files");
  }
  std::error_code error;
  if (fs::is_directory(operations.source, error)) {
    WM_RETURN_IF_ERROR(RunFileOperations(operations, context.progress, context.stop));
  }
  struct stat info {};
  if (::stat((main->path / kClaudeLocal).c_str(), &info) == 0 &&
      operations.kept_out.Holds(main->path / kClaudeLocal, info)) {
    return absl::OkStatus();
  }
  return LinkClaudeLocal(deps, context, *main, worktree);
}

absl::Status RunPostCreate(const WorktreeDeps& deps, const WorktreeContext& context,
                           const Worktree& worktree) {
  HookRun run{"post_create", context.config.config.post_create, StartDirectory(context, worktree),
              context.caller.env, HookVariables(worktree)};
  run.variables["WM_CONFIG_DIR"] = run.cwd.string();
  return RunHooks(deps.hooks, run, context.progress, context.stop);
}

}  // namespace workmux::daemon
