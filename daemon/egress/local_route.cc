#include "daemon/egress/local_route.h"

#include <cerrno>
#include <cstring>

#include "common/base/status.h"
#include "common/base/unique_fd.h"

#ifdef __linux__
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#else
#include <ifaddrs.h>
#include <netinet/in.h>

#include <memory>
#endif

namespace workmux::egress {

#ifdef __linux__
namespace {

struct Question {
  nlmsghdr header;
  rtmsg route;
  rtattr attribute;
  unsigned char address[16];
};

Question Ask(const asio::ip::address& address) {
  Question question;
  std::memset(&question, 0, sizeof question);
  const std::size_t size = address.is_v6() ? 16 : 4;
  if (address.is_v6()) {
    const auto bytes = address.to_v6().to_bytes();
    std::memcpy(question.address, bytes.data(), size);
  } else {
    const auto bytes = address.to_v4().to_bytes();
    std::memcpy(question.address, bytes.data(), size);
  }
  question.attribute.rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
  question.attribute.rta_type = RTA_DST;
  question.route.rtm_family = address.is_v6() ? AF_INET6 : AF_INET;
  question.route.rtm_dst_len = static_cast<unsigned char>(size * 8);
  question.header.nlmsg_type = RTM_GETROUTE;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.header.nlmsg_len = static_cast<__u32>(NLMSG_LENGTH(sizeof(rtmsg)) + RTA_LENGTH(size));
  return question;
}

absl::StatusOr<bool> Read(const char* answer, std::size_t size) {
  nlmsghdr header;
  if (size < sizeof header) return DataLoss("a short answer about a route");
  std::memcpy(&header, answer, sizeof header);
  const char* const body = answer + NLMSG_HDRLEN;
  const std::size_t length = size - NLMSG_HDRLEN;
  if (header.nlmsg_type == NLMSG_ERROR && length >= sizeof(nlmsgerr)) {
    nlmsgerr error;
    std::memcpy(&error, body, sizeof error);
    if (error.error == -ENETUNREACH || error.error == -EHOSTUNREACH) return false;
    return ErrnoStatus(-error.error, "RTM_GETROUTE");
  }
  if (header.nlmsg_type != RTM_NEWROUTE || length < sizeof(rtmsg))
    return DataLoss("an answer about a route that is none");
  rtmsg route;
  std::memcpy(&route, body, sizeof route);
  // Everything but a way to somebody else: local, broadcast, anycast, multicast.
  return route.rtm_type != RTN_UNICAST && route.rtm_type != RTN_UNREACHABLE &&
         route.rtm_type != RTN_BLACKHOLE && route.rtm_type != RTN_PROHIBIT;
}

}  // namespace

absl::StatusOr<bool> LeadsHere(const asio::ip::address& address) {
  const UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.valid()) return ErrnoStatus(errno, "netlink socket");
  const Question question = Ask(address);
  if (::send(socket.get(), &question, question.header.nlmsg_len, 0) < 0)
    return ErrnoStatus(errno, "netlink request");
  // The kernel has answered when send returns.
  char answer[8192];
  const ssize_t got = ::recv(socket.get(), answer, sizeof answer, MSG_DONTWAIT);
  if (got < 0) return ErrnoStatus(errno, "netlink answer");
  return Read(answer, static_cast<std::size_t>(got));
}
#else
absl::StatusOr<bool> LeadsHere(const asio::ip::address& address) {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return ErrnoStatus(errno, "getifaddrs");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(first, &::freeifaddrs);
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr) continue;
    if (entry->ifa_addr->sa_family == AF_INET && address.is_v4()) {
      sockaddr_in own;
      std::memcpy(&own, entry->ifa_addr, sizeof own);
      if (asio::ip::address_v4(ntohl(own.sin_addr.s_addr)) == address.to_v4()) return true;
    } else if (entry->ifa_addr->sa_family == AF_INET6 && address.is_v6()) {
      sockaddr_in6 own;
      std::memcpy(&own, entry->ifa_addr, sizeof own);
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), &own.sin6_addr, bytes.size());
      if (asio::ip::address_v6(bytes) == address.to_v6()) return true;
    }
  }
  return false;
}
#endif

}  // namespace workmux::egress
