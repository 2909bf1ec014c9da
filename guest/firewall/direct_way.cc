#include "guest/firewall/direct_way.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "common/base/status.h"
#include "common/base/unique_fd.h"

namespace workmux::guest {
namespace {

constexpr std::uint16_t kDiscard = 9;  // RFC 863
constexpr auto kNobody = std::to_array<const char*>({"198.51.100.1", "2001:db8::1"});
constexpr int kPatience = 500;  // ms

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;  // 0: it is none
};

Address Resolve(const std::string& text, std::uint16_t port) {
  Address address;
  auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, text.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    address.size = sizeof(sockaddr_in);
  } else if (::inet_pton(AF_INET6, text.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    address.size = sizeof(sockaddr_in6);
  }
  return address;
}

UniqueFd Socket(const Address& address, int type) {
  if (address.size == 0) {
    errno = EINVAL;
    return UniqueFd();
  }
  return UniqueFd(::socket(address.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

const sockaddr* Raw(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address.storage);
}

}  // namespace

int SendError(const std::string& text, std::uint16_t port) {
  const Address address = Resolve(text, port);
  const UniqueFd socket = Socket(address, SOCK_DGRAM);
  if (!socket.valid()) return errno;
  return ::sendto(socket.get(), "", 0, 0, Raw(address), address.size) < 0 ? errno : 0;
}

int ConnectError(const std::string& text, std::uint16_t port) {
  const Address address = Resolve(text, port);
  const UniqueFd socket = Socket(address, SOCK_STREAM);
  if (!socket.valid()) return errno;
  if (::connect(socket.get(), Raw(address), address.size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd ready{.fd = socket.get(), .events = POLLOUT, .revents = 0};
  if (::poll(&ready, 1, kPatience) != 1) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof(error);
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

absl::Status CheckNoDirectWay(std::span<const std::string> addresses) {
  const auto check = [](const std::string& address) {
    return SendError(address, kDiscard) != 0
               ? absl::OkStatus()
               : FailedPrecondition("the network is not restricted: a packet to {} goes out",
                                    address);
  };
  for (const char* address : kNobody) WM_RETURN_IF_ERROR(check(address));
  for (const std::string& address : addresses) WM_RETURN_IF_ERROR(check(address));
  return absl::OkStatus();
}

}  // namespace workmux::guest
