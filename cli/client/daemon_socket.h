#pragma once

#include <absl/status/statusor.h>

#include <filesystem>

#include "common/base/unique_fd.h"

namespace workmux::cli {

inline constexpr char kDaemonUnreachable[] = "DAEMON_UNREACHABLE";

// A connection to whoever listens at `socket`, whose user has been compared with
// ours: the caller's environment is about to be sent over it. kUnavailable with
// reason DAEMON_UNREACHABLE when nobody listens.
absl::StatusOr<UniqueFd> ConnectToDaemon(const std::filesystem::path& socket);

}  // namespace workmux::cli
