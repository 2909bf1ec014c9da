#include "guest/firewall/direct_way.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "common/base/status.h"
#include "common/base/unique_fd.h"

namespace workmux::guest {
namespace {

constexpr std::uint16_t kDiscard = 9;  // RFC 863
constexpr char kNobody[] = "198.51.100.1";
constexpr char kNobodySix[] = "2001:db8::1";
constexpr int kPatience = 1000;  // ms

bool Resolve(const std::string& text, std::uint16_t port, sockaddr_in& address) {
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  return ::inet_pton(AF_INET, text.c_str(), &address.sin_addr) == 1;
}

bool Resolve(const std::string& text, std::uint16_t port, sockaddr_in6& address) {
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  return ::inet_pton(AF_INET6, text.c_str(), &address.sin6_addr) == 1;
}

template <class Address>
absl::Status CheckRefused(int family, const std::string& text) {
  Address address{};
  if (!Resolve(text, kDiscard, address)) return InvalidArgument("{}: not an address", text);
  const UniqueFd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid())
    return errno == EAFNOSUPPORT ? absl::OkStatus() : ErrnoStatus(errno, "a socket");
  if (::sendto(socket.get(), "", 0, 0, reinterpret_cast<const sockaddr*>(&address),
               sizeof(address)) < 0) {
    return absl::OkStatus();
  }
  return FailedPrecondition("the network is not restricted: a packet to {} goes out", text);
}

}  // namespace

absl::Status CheckNoDirectWay(std::span<const std::string> addresses) {
  WM_RETURN_IF_ERROR(CheckRefused<sockaddr_in>(AF_INET, kNobody));
  WM_RETURN_IF_ERROR(CheckRefused<sockaddr_in6>(AF_INET6, kNobodySix));
  for (const std::string& address : addresses)
    WM_RETURN_IF_ERROR(CheckRefused<sockaddr_in>(AF_INET, address));
  return absl::OkStatus();
}

bool CanConnect(const std::string& address, std::uint16_t port) {
  sockaddr_in to{};
  if (!Resolve(address, port, to)) return false;
  const UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return false;
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0) return true;
  pollfd ready{.fd = socket.get(), .events = POLLOUT, .revents = 0};
  if (errno != EINPROGRESS || ::poll(&ready, 1, kPatience) != 1) return false;
  int error = 0;
  socklen_t size = sizeof(error);
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

}  // namespace workmux::guest
