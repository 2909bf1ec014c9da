#include "cli/client/daemon_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/status.h"
#include "common/io/socket.h"

namespace workmux::cli {

absl::StatusOr<UniqueFd> ConnectToDaemon(const std::filesystem::path& socket) {
  WM_RETURN_IF_ERROR(CheckSocketPath(socket));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket.c_str(), socket.native().size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    if (error != ENOENT && error != ECONNREFUSED) return ErrnoStatus(error, socket.string());
    return WithHint(WithReason(Unavailable("workmuxd is not running"), kDaemonUnreachable),
                    "run `workmux daemon start`");
  }
  WM_ASSIGN_OR_RETURN(const PeerCredentials peer, PeerOf(fd.get()));
  if (peer.uid != ::geteuid()) {
    return WithReason(
        PermissionDenied("{} is served by user {}, not by you", socket.string(), peer.uid),
        "DAEMON_FOREIGN");
  }
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0) return ErrnoStatus(errno, "fcntl(O_NONBLOCK)");
  return fd;
}

}  // namespace workmux::cli
