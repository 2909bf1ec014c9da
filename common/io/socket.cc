#include "common/io/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/status.h"

namespace workmux {
namespace {

namespace fs = std::filesystem;

constexpr int kBacklog = 128;

absl::StatusOr<sockaddr_un> UnixAddress(const fs::path& path) {
  WM_RETURN_IF_ERROR(CheckSocketPath(path));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  return address;
}

// Beside `path` and not longer, so that every path that fits can be served.
fs::path TemporaryName(const fs::path& path) {
  constexpr std::string_view kSuffix = ".n";
  std::string name = path.filename().string();
  if (name.size() > kSuffix.size()) name.resize(name.size() - kSuffix.size());
  return path.parent_path() / name.append(kSuffix);
}

}  // namespace

absl::Status CheckSocketPath(const fs::path& path) {
  if (path.native().size() <= kMaxSocketPath) return absl::OkStatus();
  return WithHint(InvalidArgument("{}: {} bytes, a socket path holds {}", path.string(),
                                  path.native().size(), kMaxSocketPath),
                  "set WORKMUX_SOCKET or XDG_RUNTIME_DIR to a shorter path");
}

absl::StatusOr<UniqueFd> ListenUnix(const fs::path& path) {
  const fs::path temporary = TemporaryName(path);
  WM_ASSIGN_OR_RETURN(const sockaddr_un address, UnixAddress(temporary));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "socket");
  ::unlink(temporary.c_str());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoStatus(errno, temporary.string());
  }
  if (::chmod(temporary.c_str(), 0600) != 0 || ::listen(fd.get(), kBacklog) != 0 ||
      ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return ErrnoStatus(error, path.string());
  }
  return fd;
}

absl::StatusOr<UniqueFd> ConnectUnix(const fs::path& path) {
  WM_ASSIGN_OR_RETURN(const sockaddr_un address, UnixAddress(path));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoStatus(errno, path.string());
  }
  return fd;
}

absl::StatusOr<UniqueFd> ListenTcp(const std::string& address, std::uint16_t port) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  const bool is_v4 = ::inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1;
  if (!is_v4 && ::inet_pton(AF_INET6, address.c_str(), &v6.sin6_addr) != 1) {
    return InvalidArgument("{}: not a numeric IP address", address);
  }
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  UniqueFd fd(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus(errno, "socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const auto* raw =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  const socklen_t length = is_v4 ? sizeof v4 : sizeof v6;
  if (::bind(fd.get(), raw, length) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    const absl::Status failed = ErrnoStatus(error, Format("{} port {}", address, port));
    return error == EADDRNOTAVAIL ? WithReason(failed, "ADDRESS_MISSING") : failed;
  }
  return fd;
}

absl::StatusOr<std::uint16_t> LocalPort(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return ErrnoStatus(errno, "getsockname");
  }
  if (address.ss_family == AF_INET)
    return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
  return ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
}

absl::StatusOr<PeerCredentials> PeerOf(int fd) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return ErrnoStatus(errno, "getsockopt(SO_PEERCRED)");
  }
  return PeerCredentials{.pid = credentials.pid, .uid = credentials.uid};
}

}  // namespace workmux
