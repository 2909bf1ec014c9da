#pragma once

#include <optional>

#include <absl/status/statusor.h>

#include "common/base/unique_fd.h"
#include "common/process/command.h"

namespace workmux::daemon {

// The listening Unix socket that systemd passed (sd_listen_fds(3): LISTEN_PID,
// LISTEN_FDS, first descriptor 3), or nothing when we were started otherwise.
absl::StatusOr<std::optional<UniqueFd>> ActivatedSocket(const Env& env);

}  // namespace workmux::daemon
