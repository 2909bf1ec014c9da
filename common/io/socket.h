#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include <absl/status/statusor.h>

#include "common/base/unique_fd.h"

namespace workmux {

// sockaddr_un::sun_path less its terminating NUL, unix(7).
inline constexpr std::size_t kMaxSocketPath = 107;

// kInvalidArgument with a hint when the path does not fit a socket address.
absl::Status CheckSocketPath(const std::filesystem::path& path);

// Binds under a temporary name and renames, so that nobody meets a half-made
// socket; what stood at `path` is replaced. Mode 0600, non-blocking.
absl::StatusOr<UniqueFd> ListenUnix(const std::filesystem::path& path);
absl::StatusOr<UniqueFd> ConnectUnix(const std::filesystem::path& path);

// `address` is a numeric IPv4 or IPv6 address, port 0 lets the kernel choose.
absl::StatusOr<UniqueFd> ListenTcp(const std::string& address, std::uint16_t port);
absl::StatusOr<std::uint16_t> LocalPort(int fd);

struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
};
// SO_PEERCRED, unix(7): who connected, as of connect(2).
absl::StatusOr<PeerCredentials> PeerOf(int fd);

}  // namespace workmux
