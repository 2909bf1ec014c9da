#include "daemon/adapters/git/git_operation.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kHeads = "refs/heads/";

struct Mark {
  const char* file;
  const char* operation;
  const char* branch_file;  // null: HEAD stays on the branch
};

// The first that is there counts: a rebase that stops at a pick leaves
// CHERRY_PICK_HEAD too, and a sequencer outlives the pick that it stopped at.
constexpr auto kMarks = std::to_array<Mark>({
    {"rebase-merge", "rebase", "rebase-merge/head-name"},
    {"rebase-apply/applying", "am", nullptr},
    {"rebase-apply", "rebase", "rebase-apply/head-name"},
    {"MERGE_HEAD", "merge", nullptr},
    {"CHERRY_PICK_HEAD", "cherry-pick", nullptr},
    {"REVERT_HEAD", "revert", nullptr},
    {"sequencer/todo", "cherry-pick", nullptr},
    {"BISECT_LOG", "bisect", "BISECT_START"},
});

// A short name, or empty when the operation began with a detached HEAD.
absl::StatusOr<std::string> BranchIn(const fs::path& git_dir, const Mark& mark) {
  const auto content = ReadFileBeneath(git_dir, mark.branch_file);
  if (absl::IsNotFound(content.status())) return std::string();
  if (!content.ok()) return content.status();
  const std::string_view name = Trim(*content);
  if (name.starts_with(kHeads)) return std::string(name.substr(kHeads.size()));
  // Only a bisect writes the short name; a rebase without a branch writes words.
  return std::string(std::string_view(mark.operation) == "bisect" ? name : std::string_view());
}

// The first word of the to-do list (sequencer.c: sequencer_get_last_command).
std::string SequencedOperation(const fs::path& git_dir) {
  const auto list = ReadFileBeneath(git_dir, "sequencer/todo");
  return list.ok() && Trim(*list).starts_with("revert") ? "revert" : "cherry-pick";
}

}  // namespace

absl::StatusOr<GitOperation> ReadOperation(const fs::path& git_dir) {
  for (const Mark& mark : kMarks) {
    struct stat info {};
    const fs::path file = git_dir / mark.file;
    if (::lstat(file.c_str(), &info) != 0) {
      if (errno != ENOENT && errno != ENOTDIR) return ErrnoStatus(errno, file.string());
      continue;
    }
    GitOperation operation{.name = mark.operation, .branch = {}};
    if (file.filename() == "todo") operation.name = SequencedOperation(git_dir);
    if (mark.branch_file != nullptr) {
      WM_ASSIGN_OR_RETURN(operation.branch, BranchIn(git_dir, mark));
    }
    return operation;
  }
  return GitOperation();
}

}  // namespace workmux::daemon
