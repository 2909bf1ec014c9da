#include "daemon/domain/recovery_refs.h"

#include <map>
#include <string>

#include "common/base/status.h"
#include "daemon/domain/trash_lifetime.h"
#include "daemon/domain/worktree_naming.h"

namespace workmux::daemon {

absl::StatusOr<std::size_t> PruneRecoveryRefs(Git& git, const Repository& repository,
                                              std::int64_t now_unix) {
  WM_ASSIGN_OR_RETURN(const auto refs, git.ListRefs(repository, kRecoveryRefs));
  std::size_t deleted = 0;
  for (const auto& [ref, id] : refs) {
    if (!IsExpired(TrashTime(ref, '-'), now_unix)) continue;
    const absl::Status gone = git.UpdateRef(repository, ref, "", id);
    // Somebody put it to use meanwhile.
    if (absl::IsAborted(gone)) continue;
    WM_RETURN_IF_ERROR(gone);
    ++deleted;
  }
  return deleted;
}

}  // namespace workmux::daemon
