#include "tests/attacks/attacker/datagrams.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr int kPatience = 1500;  // ms

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

bool Parse(const char* text, int port, Address& address) {
  const auto number = htons(static_cast<std::uint16_t>(port));
  auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (::inet_pton(AF_INET, text, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = number;
    address.size = sizeof(sockaddr_in);
    return true;
  }
  auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET6, text, &six->sin6_addr) != 1) return false;
  six->sin6_family = AF_INET6;
  six->sin6_port = number;
  address.size = sizeof(sockaddr_in6);
  return true;
}

int Report(const char* outcome) {
  std::printf("%s\n", outcome);
  return 0;
}

// Sends it and waits for any answer.
const char* Exchange(int socket, const Address& to, const std::string& packet) {
  if (::sendto(socket, packet.data(), packet.size(), 0, to.get(), to.size) < 0)
    return std::strerror(errno);
  pollfd ready{.fd = socket, .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, kPatience) != 1) return "no answer";
  char buffer[1500];
  return ::recv(socket, buffer, sizeof buffer, 0) < 0 ? std::strerror(errno) : "answered";
}

std::uint16_t Checksum(const std::string& packet) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < packet.size(); i += 2) {
    std::uint16_t word;
    std::memcpy(&word, packet.data() + i, sizeof word);
    sum += word;
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

bool Opens(const Address& address) {
  const int socket = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (socket < 0) return false;
  int error = ::connect(socket, address.get(), address.size) == 0 ? 0 : errno;
  pollfd ready{.fd = socket, .events = POLLOUT, .revents = 0};
  if (error == EINPROGRESS && ::poll(&ready, 1, kPatience) == 1) {
    socklen_t length = sizeof error;
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length);
  }
  // On loopback a port can be the one that it came from itself.
  Address own;
  own.size = sizeof own.storage;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&own.storage), &own.size);
  ::close(socket);
  return error == 0 && std::memcmp(&own.storage, &address.storage, address.size) != 0;
}

}  // namespace

int TryAsk(int argc, char** argv) {
  Address address;
  if (argc < 4 || !Parse(argv[1], std::atoi(argv[2]), address)) return 2;
  std::string question("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12);
  std::string label;
  for (const char c : std::string(argv[3]) + ".") {
    if (c != '.') {
      label += c;
      continue;
    }
    question += static_cast<char>(label.size());
    question += label;
    label.clear();
  }
  question += std::string("\x00\x00\x01\x00\x01", 5);
  const int socket = ::socket(address.storage.ss_family, SOCK_DGRAM, 0);
  return Report(socket < 0 ? std::strerror(errno) : Exchange(socket, address, question));
}

int TryPing(int argc, char** argv) {
  Address address;
  if (argc < 2 || !Parse(argv[1], 0, address) || address.storage.ss_family != AF_INET) return 2;
  icmphdr header{};
  header.type = ICMP_ECHO;
  header.un.echo.id = htons(0x2a2a);
  std::string packet(reinterpret_cast<const char*>(&header), sizeof header);
  packet += "workmux-attacker";
  header.checksum = Checksum(packet);
  std::memcpy(packet.data(), &header, sizeof header);
  for (const int type : {SOCK_DGRAM, SOCK_RAW}) {
    const int socket = ::socket(AF_INET, type, IPPROTO_ICMP);
    if (socket >= 0) return Report(Exchange(socket, address, packet));
  }
  return Report(std::strerror(errno));
}

int TryScan(int argc, char** argv) {
  if (argc < 4) return 2;
  std::string open = "open:";
  for (int port = std::atoi(argv[2]); port <= std::atoi(argv[3]); ++port) {
    Address address;
    if (!Parse(argv[1], port, address)) return 2;
    if (Opens(address)) open += " " + std::to_string(port);
  }
  return Report(open.c_str());
}
