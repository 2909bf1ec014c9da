#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>
#include <vector>

#include "daemon/domain/types.h"
#include "daemon/domain/worktree_base.h"
#include "daemon/ports/git.h"

namespace workmux::daemon {

// A tip (TipOf) and what it is compared with.
struct TipAndBase {
  Repository repository;
  std::string tip;
  BaseBranch base;
};

// For each question whether UnmergedCommits would give any. One process for all
// tips that are compared with the same base, none for a tip that is its base.
// What fails for all of them is asked for each alone.
std::vector<absl::StatusOr<bool>> HaveUnmergedCommits(Git& git,
                                                      const std::vector<TipAndBase>& questions);

// How many git processes to run at once for a listing: enough to keep the disk
// and every processor busy, and few enough not to push each other out.
std::size_t GitAtOnce();

}  // namespace workmux::daemon
