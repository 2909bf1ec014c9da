#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <set>
#include <string_view>
#include <vector>

namespace workmux::daemon {

// The paths below `root`, relative to it and sorted, that `pattern` names: `*`,
// `?` and [classes] within one component (fnmatch(3); a leading dot is matched
// too), `**` as a component for any number of directories. Links are reported,
// never walked through; `.git` and the directories in `skip` (relative to root)
// are left out. A pattern that is absolute, has a `..` component or is empty is
// kInvalidArgument. No match is an empty result.
absl::StatusOr<std::vector<std::filesystem::path>> ExpandGlob(
    int root, std::string_view pattern, const std::set<std::filesystem::path>& skip);

}  // namespace workmux::daemon
