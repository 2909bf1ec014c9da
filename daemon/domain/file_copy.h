#pragma once

#include <absl/status/status.h>

#include <string>

#include <stop_token>

namespace workmux::daemon {

// Copies `from_dir`/`name` to `to_dir`/`name`, one component, both open
// directories: a file (FICLONE, else copy_file_range(2)), a link as a link, a
// directory with all below. Sockets, FIFOs and devices are left out, mount points
// are not entered. What stands at the destination is replaced by rename, never
// written through; a directory is merged into.
absl::Status CopyTree(int from_dir, int to_dir, const std::string& name, std::stop_token stop);

// The content of the open regular file `from` as `to_dir`/`name`.
absl::Status CopyFile(int from, int to_dir, const std::string& name);

}  // namespace workmux::daemon
