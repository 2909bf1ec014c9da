#pragma once

#include <absl/status/status.h>

#include <filesystem>
#include <string_view>

namespace workmux::daemon {

// Writes for files that can be made again: nothing is synced, because an import
// must not wait for the disk. Only for directories that no guest can write.

absl::Status MakeDirectories(const std::filesystem::path& dir);
// The file must not exist; its directory is made. Mode 0600.
absl::Status WriteNew(const std::filesystem::path& path, std::string_view content);
// By rename, so that a reader meets the old content or the new.
absl::Status ReplaceFile(const std::filesystem::path& path, std::string_view content);

}  // namespace workmux::daemon
