#pragma once

#include <absl/status/status.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

namespace workmux::daemon {

// Copies `from_dir`/`name` to `to_dir`/`name`, one component, both open
// directories: a file (FICLONE, else copy_file_range(2)), a link as a link, a
// directory with all below. Sockets, FIFOs and devices are left out, mount points
// are not entered. What stands at the destination is replaced by rename, never
// written through; a directory is merged into. `leaves_out` is asked
// about each regular file below, with its path from `from_dir`; null: all are copied.
using LeavesOut = std::function<bool(const std::filesystem::path& path, const struct stat& info)>;
absl::Status CopyTree(int from_dir, int to_dir, const std::string& name, std::stop_token stop,
                      const LeavesOut& leaves_out = nullptr);

// The content of the open regular file `from` as `to_dir`/`name`. Holes stay holes:
// a sparse file takes as much room as it took. One that tells no size (procfs) is
// copied up to 1 MiB; FILE_WITHOUT_SIZE (kResourceExhausted) when there is more.
absl::Status CopyFile(int from, int to_dir, const std::string& name);

}  // namespace workmux::daemon
