#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include <absl/status/statusor.h>

#include "common/base/unique_fd.h"

namespace workmux::daemon {

// An entry of the user's own settings, opened with O_PATH. One link is followed, which
// the user made: what it leads to may lie in a repository where agents work, and the
// links that they make there lead nowhere. kNotFound for nothing, a link to nothing, and
// a link over further links (LINK_NOT_FOLLOWED, and the log says so).
absl::StatusOr<UniqueFd> OpenHostEntry(const std::filesystem::path& path);

// Its content; the errors of OpenHostEntry and of ReadFile.
absl::StatusOr<std::string> ReadHostFile(const std::filesystem::path& path, std::size_t max_size);

// Where the open entry lies now, without links in it.
absl::StatusOr<std::filesystem::path> PathOf(const UniqueFd& entry);

}  // namespace workmux::daemon
