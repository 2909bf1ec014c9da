#pragma once

#include <string_view>

#include <absl/status/status.h>

namespace workmux::daemon {

// A full reference name ("refs/heads/x") by the rules of git-check-ref-format(1).
bool IsRefName(std::string_view name);

// 40 or 64 lower-case hexadecimal digits.
bool IsObjectId(std::string_view text);

// A name that `git branch` would take, and whose lock file the file system can
// hold. kInvalidArgument with reason INVALID_BRANCH_NAME otherwise.
absl::Status CheckBranch(std::string_view branch);

// A commit-ish that stays one operand: it is no option, no exclusion, no range.
// kInvalidArgument with reason INVALID_REVISION otherwise.
absl::Status CheckRevision(std::string_view text);

}  // namespace workmux::daemon
