#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace workmux {

// The mount points in `mountinfo`, proc_pid_mountinfo(5). Pure.
std::vector<std::string> MountPoints(std::string_view mountinfo);

// Those of `points` strictly below `directory`: a bind mount of it brings them along.
std::vector<std::filesystem::path> MountPointsBelow(const std::vector<std::string>& points,
                                                    const std::filesystem::path& directory);

}  // namespace workmux
