#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <string>

namespace workmux::daemon {

// What is under way in a worktree by the files of its admin directory, as
// git-status(1) tells it: "rebase", "am", "merge", "cherry-pick", "revert",
// "bisect"; empty when nothing is.
absl::StatusOr<std::string> OperationUnderWay(const std::filesystem::path& git_dir);

// Whether an index file may hold a gitlink. False is certain: every version of
// the format stores each entry's mode as 32 bits, big-endian (gitformat-index(5));
// a split index, whose entries are elsewhere, is true.
bool MayHoldGitlinks(std::string_view index);

}  // namespace workmux::daemon
