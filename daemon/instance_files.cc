#include "daemon/instance_files.h"

#include <utility>

#include "common/base/status.h"

namespace workmux::daemon {

absl::Status MakeDirectories(const Paths& paths) {
  WM_RETURN_IF_ERROR(MakePrivateDirectory(paths.state));
  WM_RETURN_IF_ERROR(MakePrivateDirectory(paths.runtime));
  return MakePrivateDirectory(paths.socket.parent_path());
}

absl::StatusOr<FileLock> LockSocket(const Paths& paths) {
  return FileLock::TryAcquire(paths.socket.string() + ".lock");
}

absl::StatusOr<InstanceLocks> LockInstance(const Paths& paths) {
  WM_ASSIGN_OR_RETURN(FileLock state, FileLock::TryAcquire(paths.state / "workmuxd.lock"));
  WM_ASSIGN_OR_RETURN(FileLock socket, LockSocket(paths));
  return InstanceLocks{std::move(state), std::move(socket)};
}

}  // namespace workmux::daemon
