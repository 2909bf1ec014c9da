#include "tests/attacks/attacker/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr int kTypes[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET};

int ErrorOf(long result) {
  if (result < 0) return errno;
  ::close(static_cast<int>(result));
  return 0;
}

// 0 when it can be made in some way, else the last error.
int FamilyError(long family) {
  int error = 0;
  for (const int type : kTypes) {
    error = ErrorOf(::syscall(SYS_socket, family, static_cast<long>(type), 0L));
    if (error == 0) return 0;
  }
  return error;
}

#if defined(__x86_64__)
int OldGate(long number, long first, long second) {
  long result = number;
  asm volatile("int $0x80" : "+a"(result) : "b"(first), "c"(second), "d"(0L) : "memory");
  if (result >= 0) ::close(static_cast<int>(result));
  return static_cast<int>(result < 0 ? -result : 0);
}

int SocketcallError() {
  void* low =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  if (low == MAP_FAILED) return -1;
  auto* arguments = static_cast<std::uint32_t*>(low);
  arguments[0] = AF_UNIX;
  arguments[1] = SOCK_STREAM;
  return OldGate(102, 1, static_cast<long>(reinterpret_cast<std::intptr_t>(low)));
}
#endif

int Report(int error) {
  std::printf("%s\n", error == 0 ? "reached" : std::strerror(error));
  return 0;
}

// The error of the connection, or 0; a packet that is dropped counts as an error.
int ConnectError(int socket, const sockaddr* address, socklen_t size) {
  if (::connect(socket, address, size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd ready{.fd = socket, .events = POLLOUT, .revents = 0};
  if (::poll(&ready, 1, 3000) != 1) return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof(error);
  ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

int Loopback(const char* port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0
             ? socket
             : -1;
}

char Byte(std::size_t at) { return static_cast<char>((at * 2654435761u) >> 13); }

}  // namespace

int TryFamilies() {
  std::string open;
  for (long family = 0; family < 64; ++family) {
    if (FamilyError(family) != EAFNOSUPPORT) open += " " + std::to_string(family);
  }
  std::printf("families:%s;", open.c_str());
  open.clear();
  for (int protocol = 0; protocol < 32; ++protocol) {
    if (ErrorOf(::socket(AF_NETLINK, SOCK_RAW, protocol)) == 0)
      open += " " + std::to_string(protocol);
  }
  std::printf(" netlink:%s;", open.c_str());
  std::printf(" io_uring: %d;", ErrorOf(::syscall(SYS_io_uring_setup, 1, nullptr)));
#if defined(__x86_64__)
  std::printf(" x32: %d; socketcall: %d; i386: %d;",
              ErrorOf(::syscall(0x40000000 | SYS_socket, AF_INET, SOCK_STREAM, 0)),
              SocketcallError(), OldGate(359, AF_ALG, SOCK_SEQPACKET));
#endif
  std::printf("\n");
  return 0;
}

int TryReach(int argc, char** argv) {
  if (argc < 3) return 2;
  const auto port = htons(static_cast<std::uint16_t>(std::atoi(argv[2])));
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = port;
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = port;
  const bool is_four = ::inet_pton(AF_INET, argv[1], &four.sin_addr) == 1;
  if (!is_four && ::inet_pton(AF_INET6, argv[1], &six.sin6_addr) != 1) return 2;
  const int socket = ::socket(is_four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (socket < 0) return Report(errno);
  return Report(is_four ? ConnectError(socket, reinterpret_cast<sockaddr*>(&four), sizeof(four))
                        : ConnectError(socket, reinterpret_cast<sockaddr*>(&six), sizeof(six)));
}

int TryAbstract(int argc, char** argv) {
  if (argc < 2) return 2;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::min(std::strlen(argv[1]), sizeof(address.sun_path) - 1);
  std::memcpy(address.sun_path + 1, argv[1], length);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  return Report(ConnectError(socket, reinterpret_cast<sockaddr*>(&address),
                             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length)));
}

int TryEcho(int argc, char** argv) {
  if (argc < 3) return 2;
  const int socket = Loopback(argv[1]);
  if (socket < 0) return Report(errno);
  const auto size = static_cast<std::size_t>(std::atoll(argv[2]));
  std::size_t sent = 0;
  std::size_t received = 0;
  bool same = true;
  bool ended = false;
  std::string part;
  std::string buffer(65536, '\0');
  while (!ended) {
    const bool sends = sent < size;
    pollfd ready{
        .fd = socket, .events = static_cast<short>(POLLIN | (sends ? POLLOUT : 0)), .revents = 0};
    if (::poll(&ready, 1, 20000) != 1) return Report(ETIMEDOUT);
    if (sends && (ready.revents & POLLOUT) != 0) {
      part.resize(std::min<std::size_t>(size - sent, 65536));
      for (std::size_t i = 0; i < part.size(); ++i) part[i] = Byte(sent + i);
      const ssize_t n = ::send(socket, part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && errno != EAGAIN) return Report(errno);
      sent += n > 0 ? static_cast<std::size_t>(n) : 0;
      if (sent == size) ::shutdown(socket, SHUT_WR);
    }
    if ((ready.revents & (POLLIN | POLLHUP)) == 0) continue;
    const ssize_t n = ::recv(socket, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) return Report(errno);
    ended = n == 0;
    for (ssize_t i = 0; i < n; ++i)
      same = same && buffer[static_cast<std::size_t>(i)] == Byte(received++);
  }
  std::printf("echoed %zu of %zu%s\n", received, size, same ? "" : ", others");
  return 0;
}
