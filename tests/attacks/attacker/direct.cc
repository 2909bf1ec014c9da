#include "tests/attacks/attacker/direct.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr int kPorts = 65536;
constexpr int kAtOnce = 256;
constexpr int kPatience = 3000;  // ms

const char* Outcome(bool worked) { return worked ? "reached" : std::strerror(errno); }

sockaddr_in Four(const char* address, int port) {
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, address, &four.sin_addr);
  return four;
}

// Opens the ports' connections together; what does not answer is not open.
std::string OpenAmong(const char* address, int first, int count) {
  std::vector<pollfd> tried;
  for (int port = first; port < first + count; ++port) {
    const sockaddr_in to = Four(address, port);
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    static_cast<void>(::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof(to)));
    tried.push_back({.fd = socket, .events = POLLOUT, .revents = 0});
  }
  std::string open;
  for (int i = 0; i < count; ++i) {
    pollfd& one = tried[static_cast<std::size_t>(i)];
    int error = 0;
    socklen_t size = sizeof(error);
    sockaddr_in peer{};
    socklen_t length = sizeof(peer);
    const bool answered = ::poll(&one, 1, kPatience) == 1 &&
                          ::getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0;
    if (answered && error == 0 &&
        ::getpeername(one.fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0) {
      open += " " + std::to_string(first + i);
    }
    ::close(one.fd);
  }
  return open;
}

}  // namespace

int TrySweep(int argc, char** argv) {
  if (argc < 2) return 2;
  std::string open;
  for (int i = 2; i < argc; ++i) open += OpenAmong(argv[1], std::atoi(argv[i]), 1);
  for (int first = 0; argc == 2 && first < kPorts; first += kAtOnce)
    open += OpenAmong(argv[1], first, kAtOnce);
  std::printf("open:%s\n", open.c_str());
  return 0;
}

int TrySend(int argc, char** argv) {
  if (argc < 4) return 2;
  sockaddr_in four = Four(argv[1], std::atoi(argv[2]));
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = four.sin_port;
  const bool is_six = ::inet_pton(AF_INET6, argv[1], &six.sin6_addr) == 1;
  const int socket = ::socket(is_six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
  const auto* to =
      is_six ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
  const socklen_t size = is_six ? sizeof(six) : sizeof(four);
  const bool sent = ::sendto(socket, argv[3], std::strlen(argv[3]), 0, to, size) >= 0;
  std::printf("%s\n", sent ? "sent" : std::strerror(errno));
  return 0;
}

int TryOwnDatagram(int argc, char** argv) {
  if (argc < 2) return 2;
  const sockaddr_in here = Four("127.0.0.1", std::atoi(argv[1]));
  const auto* address = reinterpret_cast<const sockaddr*>(&here);
  const int server = ::socket(AF_INET, SOCK_DGRAM, 0);
  const int client = ::socket(AF_INET, SOCK_DGRAM, 0);
  if (::bind(server, address, sizeof(here)) != 0) {
    std::printf("no server: %s\n", std::strerror(errno));
    return 0;
  }
  if (::sendto(client, "?", 1, 0, address, sizeof(here)) != 1) {
    std::printf("%s\n", std::strerror(errno));
    return 0;
  }
  pollfd ready{.fd = server, .events = POLLIN, .revents = 0};
  std::printf("%s\n", ::poll(&ready, 1, kPatience) == 1 ? "reached" : "dropped");
  return 0;
}

int TryRaw() {
  const bool raw = ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0;
  const std::string four = Outcome(raw);
  const bool six = ::socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) >= 0;
  const std::string second = Outcome(six);
  const bool packet = ::socket(AF_PACKET, SOCK_RAW, 0) >= 0;
  std::printf("raw: %s; raw6: %s; packet: %s\n", four.c_str(), second.c_str(), Outcome(packet));
  return 0;
}
