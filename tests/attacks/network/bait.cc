#include "tests/attacks/network/bait.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <stdexcept>

namespace workmux::test {
namespace {

// Both families on one port; any when it is 0.
UniqueFd Bind(int type, int port) {
  UniqueFd socket(::socket(AF_INET6, type | SOCK_CLOEXEC, 0));
  const int off = 0;
  ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(static_cast<std::uint16_t>(port));
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0)
    throw std::runtime_error("no port for the bait");
  return socket;
}

}  // namespace

Bait::Bait() : tcp_(Bind(SOCK_STREAM, 0)) {
  sockaddr_in6 bound{};
  socklen_t size = sizeof bound;
  ::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&bound), &size);
  port_ = ntohs(bound.sin6_port);
  udp_ = Bind(SOCK_DGRAM, port_);
  ::listen(tcp_.get(), 64);
  thread_ = std::jthread([this](std::stop_token stop) { Serve(stop); });
}

Bait::~Bait() {
  thread_.request_stop();
  thread_.join();
}

void Bait::Serve(const std::stop_token& stop) {
  constexpr std::string_view kAnswer =
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nbait\n";
  while (!stop.stop_requested()) {
    std::array<pollfd, 2> ready = {pollfd{.fd = tcp_.get(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = udp_.get(), .events = POLLIN, .revents = 0}};
    ::poll(ready.data(), ready.size(), 20);
    if (ready[0].revents != 0) {
      const UniqueFd peer(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      ++connections_;
      ::send(peer.get(), kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
    }
    if (ready[1].revents == 0) continue;
    char packet[512];
    sockaddr_in6 from{};
    socklen_t size = sizeof from;
    const ssize_t got =
        ::recvfrom(udp_.get(), packet, sizeof packet, 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (got <= 0) continue;
    ++datagrams_;
    ::sendto(udp_.get(), packet, static_cast<std::size_t>(got), 0,
             reinterpret_cast<const sockaddr*>(&from), size);
  }
}

std::vector<std::string> HostAddresses() {
  std::vector<std::string> addresses;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return addresses;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(all, &::freeifaddrs);
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    const bool usable = one->ifa_addr != nullptr && one->ifa_addr->sa_family == AF_INET &&
                        (one->ifa_flags & IFF_LOOPBACK) == 0;
    if (!usable) continue;
    std::array<char, INET_ADDRSTRLEN> text;
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    ::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
    addresses.emplace_back(text.data());
  }
  return addresses;
}

}  // namespace workmux::test
