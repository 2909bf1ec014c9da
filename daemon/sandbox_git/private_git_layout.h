#pragma once

#include <absl/status/status.h>

#include <filesystem>
#include <stop_token>

#include "common/process/command_runner.h"
#include "daemon/domain/types.h"

namespace workmux::daemon {

// Fills the empty directory `dir` with a git directory for `worktree` and the
// empty directory `meta` with what the host keeps beside it, less the identity.
absl::Status LayOutPrivateGit(CommandRunner& runner, const Worktree& worktree, const Env& caller,
                              const std::filesystem::path& dir, const std::filesystem::path& meta,
                              std::stop_token stop);

}  // namespace workmux::daemon
