#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>

#include "daemon/domain/types.h"
#include "daemon/ports/git.h"

namespace workmux::daemon {

// Deletes the refs (RecoveryRef) that keep the last commits of removed branches
// for longer than kTrashLifetime, and tells how many. Younger ones, and those
// whose name tells no time, stay. Safe beside any other operation.
absl::StatusOr<std::size_t> PruneRecoveryRefs(Git& git, const Repository& repository,
                                              std::int64_t now_unix);

}  // namespace workmux::daemon
