#include "daemon/adapters/git/git_changes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/path.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"
#include "daemon/adapters/git/git_cli.h"
#include "daemon/adapters/git/git_command.h"
#include "daemon/adapters/git/git_operation.h"
#include "daemon/adapters/git/porcelain.h"
#include "daemon/adapters/git/user_settings.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::minutes kStatusTimeout{2};
constexpr std::size_t kMaxStatusOutput = 128u << 20;
constexpr std::size_t kMaxIndex = 1u << 30;
constexpr int kMaxSubmoduleDepth = 8;

// Looks at one worktree and the submodules in it.
class ChangesReader {
 public:
  ChangesReader(CommandRunner& runner, std::vector<std::string> settings, std::stop_token stop)
      : runner_(runner), settings_(std::move(settings)) {
    options_.stop = std::move(stop);
    options_.timeout = kStatusTimeout;
    options_.max_output = kMaxStatusOutput;
  }

  absl::StatusOr<WorktreeChanges> Read(const fs::path& git_dir, const fs::path& common_dir,
                                       const fs::path& root, int depth) {
    // "dirty": git itself does not run inside submodules, whose configuration
    // and filters a sandbox may have written.
    std::vector<std::string> arguments = settings_;
    arguments.insert(arguments.end(), {"status", "--porcelain=v2", "-z", "--untracked-files=normal",
                                       "--ignore-submodules=dirty"});
    const Command status = HardenedGit(git_dir, root, std::move(arguments));
    WM_ASSIGN_OR_RETURN(const std::string output, RunForOutput(runner_, status, options_));
    WM_ASSIGN_OR_RETURN(StatusReport report, ParseStatus(output));
    WorktreeChanges changes = std::move(report.changes);
    WM_ASSIGN_OR_RETURN(GitOperation operation, ReadOperation(git_dir));
    changes.operation = std::move(operation.name);
    WM_ASSIGN_OR_RETURN(const auto gitlinks, Gitlinks(git_dir, root));
    for (const std::string& path : gitlinks) {
      WM_ASSIGN_OR_RETURN(const std::string state,
                          Submodule(git_dir, common_dir, root, path, depth));
      if (state.empty()) continue;
      changes.unstaged = true;
      ++changes.count;
      if (changes.lines.size() < kMaxStatusLines)
        changes.lines.push_back(" m " + path + " (" + state + ")");
    }
    return changes;
  }

 private:
  absl::StatusOr<std::vector<std::string>> Gitlinks(const fs::path& git_dir, const fs::path& root) {
    const auto index = ReadFileBeneath(git_dir, "index", kMaxIndex);
    if (index.status().code() == absl::StatusCode::kNotFound) return std::vector<std::string>();
    if (index.ok() && !MayHoldGitlinks(*index)) return std::vector<std::string>();
    const Command list = HardenedGit(git_dir, root, {"ls-files", "--stage", "-z"});
    WM_ASSIGN_OR_RETURN(const std::string output, RunForOutput(runner_, list, options_));
    return ParseGitlinks(output);
  }

  // Empty when the submodule at `path` holds nothing to lose, else what it does.
  absl::StatusOr<std::string> Submodule(const fs::path& git_dir, const fs::path& common_dir,
                                        const fs::path& root, const std::string& path, int depth) {
    const std::string unknown = "nested repository, not looked into";
    const auto pointer = ReadFileBeneath(root, fs::path(path) / ".git", 8192);
    if (pointer.status().code() == absl::StatusCode::kNotFound) return Unpopulated(root, path);
    constexpr std::string_view kPrefix = "gitdir: ";
    if (!pointer.ok() || !pointer->starts_with(kPrefix) || depth >= kMaxSubmoduleDepth)
      return unknown;
    const std::string_view named = Trim(std::string_view(*pointer).substr(kPrefix.size()));
    std::error_code error;
    const fs::path sub_dir = fs::canonical(root / path / named, error);
    const bool kept = !error && (IsWithin(sub_dir, git_dir / "modules") ||
                                 IsWithin(sub_dir, common_dir / "modules"));
    if (!kept) return unknown;
    WM_ASSIGN_OR_RETURN(const WorktreeChanges inside,
                        Read(sub_dir, sub_dir, root / path, depth + 1));
    if (inside.clean()) return std::string();
    return inside.operation.empty() ? Format("{} changed", inside.count) : inside.operation;
  }

  // git does not look at files in the place of a submodule that is not checked out.
  static absl::StatusOr<std::string> Unpopulated(const fs::path& root, const std::string& path) {
    const auto dir = OpenBeneath(root, path, O_PATH | O_DIRECTORY);
    if (dir.status().code() == absl::StatusCode::kNotFound) return std::string();
    if (!dir.ok()) return std::string("not a directory");
    std::error_code error;
    const bool empty = fs::is_empty(Format("/proc/self/fd/{}", dir->get()), error);
    if (error) return ErrnoStatus(error.value(), (root / path).string());
    return std::string(empty ? "" : "files in the place of a submodule");
  }

  CommandRunner& runner_;
  const std::vector<std::string> settings_;
  RunOptions options_;
};

}  // namespace

bool MayHoldGitlinks(std::string_view index) {
  constexpr std::string_view kGitlinkMode("\0\0\xe0\0", 4);
  constexpr std::string_view kSplitIndex = "link";
  return index.find(kGitlinkMode) != std::string_view::npos ||
         index.find(kSplitIndex) != std::string_view::npos;
}

absl::StatusOr<WorktreeChanges> GitCli::Changes(const Worktree& worktree, std::stop_token stop) {
  struct stat info {};
  if (::lstat(worktree.path.c_str(), &info) != 0) return ErrnoStatus(errno, worktree.path.string());
  const fs::path& common_dir = worktree.repository.common_dir;
  return ChangesReader(runner_, UserSettings(user_, common_dir), std::move(stop))
      .Read(worktree.git_dir, common_dir, worktree.path, 0);
}

absl::StatusOr<GitOperation> GitCli::OperationUnderWay(const Worktree& worktree) {
  return ReadOperation(worktree.git_dir);
}

absl::StatusOr<bool> GitCli::IsIgnored(const Worktree& worktree, const fs::path& relative) {
  const Command command = HardenedGit(worktree.git_dir, worktree.path,
                                      {"check-ignore", "--quiet", "--", relative.string()});
  WM_ASSIGN_OR_RETURN(const CommandResult result, runner_.Run(command, {}));
  // git-check-ignore(1): 0 one is ignored, 1 none is, 128 a fatal error.
  if (result.exit.signal == 0 && result.exit.code <= 1) return result.exit.code == 0;
  return FailedCommand(command, result);
}

absl::StatusOr<std::vector<fs::path>> GitCli::Tracked(const Worktree& worktree,
                                                      const std::vector<fs::path>& relative) {
  if (relative.empty()) return std::vector<fs::path>();
  std::vector<std::string> arguments = {"ls-files", "-z", "--"};
  // gitglossary(7), pathspec: a name is no pattern.
  for (const fs::path& path : relative) arguments.push_back(":(literal)" + path.string());
  WM_ASSIGN_OR_RETURN(
      const std::string out,
      RunForOutput(runner_, HardenedGit(worktree.git_dir, worktree.path, std::move(arguments)),
                   {}));
  std::vector<fs::path> tracked;
  for (const std::string& name : Split(out, '\0')) {
    if (!name.empty()) tracked.emplace_back(name);
  }
  return tracked;
}

}  // namespace workmux::daemon
