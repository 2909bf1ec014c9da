#pragma once

#include <filesystem>
#include <string>

#include <absl/status/status.h>

namespace workmux::daemon {

// Things of a guest's that are in the way are moved aside at once and deleted later:
// it can make a tree that takes minutes to delete, and everybody else would wait.
// `place` is a directory of ours on the same file system, made when absent. A process
// of the guest that is in there comes no further up: path_connected() of the kernel's
// fs/namei.c.

// Takes `name` (one component) out of the open directory `from`. Absent is success.
absl::Status Discard(const std::filesystem::path& place, int from, const std::string& name);

// Whether something may lie there.
bool HasDiscarded(const std::filesystem::path& place);
// Deletes what lies there. The first error; the rest is deleted nevertheless, and what
// could not be is left for the next time. One caller at a time.
absl::Status DeleteDiscarded(const std::filesystem::path& place);

}  // namespace workmux::daemon
