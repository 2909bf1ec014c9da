#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/process/command.h"
#include "daemon/ports/git.h"

namespace workmux::daemon {

// Pure readers of git's output for programs. Any input is safe; what does not
// have the documented shape is kDataLoss, never skipped: a line that is not
// understood must not make a worktree look clean.

// The most status lines that WorktreeChanges keeps.
inline constexpr std::size_t kMaxStatusLines = 20;

struct StatusReport {
  WorktreeChanges changes;              // operation stays empty
  std::vector<std::string> conflicted;  // paths, at most kMaxStatusLines
};
// `git status --porcelain=v2 -z`, git-status(1) "Porcelain Format Version 2".
absl::StatusOr<StatusReport> ParseStatus(std::string_view output);

struct ListedWorktree {
  std::string path;
  std::string head;    // empty when git knows none
  std::string branch;  // full name; empty when detached
  bool bare = false;
};
// `git worktree list --porcelain -z`.
absl::StatusOr<std::vector<ListedWorktree>> ParseWorktreeList(std::string_view output);

// `git log -z --format=%H%x00%s`.
absl::StatusOr<std::vector<Commit>> ParseLog(std::string_view output);

// Paths of gitlinks (mode 160000) in `git ls-files --stage -z`.
absl::StatusOr<std::vector<std::string>> ParseGitlinks(std::string_view output);

// kInternal, "git <what>: " and the end of what git said: for a git that failed.
absl::Status GitFailed(std::string_view what, const CommandResult& result);

}  // namespace workmux::daemon
