#pragma once

#include <absl/status/statusor.h>

#include "common/io/file.h"
#include "common/os/paths.h"

namespace workmux::daemon {

// Of the database, the sandboxes and the socket; private to the user.
absl::Status MakeDirectories(const Paths& paths);

// Held for life. Both, because WORKMUX_SOCKET can put two daemons on one state
// directory, and two state directories on one socket.
struct InstanceLocks {
  FileLock state;
  FileLock socket;
};

absl::StatusOr<InstanceLocks> LockInstance(const Paths& paths);
absl::StatusOr<FileLock> LockSocket(const Paths& paths);

}  // namespace workmux::daemon
