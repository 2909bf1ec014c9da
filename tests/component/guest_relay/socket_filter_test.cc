#include "guest/socket_filter.h"

#include <linux/netlink.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <set>

#include "common/base/unique_fd.h"
#include "tests/support/catch.h"

namespace workmux::guest {
namespace {

// What `look` says in a process under the filter (or not): a small number.
int InChild(bool filtered, const std::function<int()>& look) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (filtered && !RestrictSockets().ok()) ::_exit(255);
    ::_exit(look());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

int ErrorOf(long result) { return result < 0 ? errno : 0; }

// The arguments as they are: the C library would cut them to 32 bits.
int SocketError(unsigned long family, int type, unsigned long protocol) {
  const long fd = ::syscall(SYS_socket, family, type, protocol);
  const int error = ErrorOf(fd);
  if (fd >= 0) ::close(static_cast<int>(fd));
  return error;
}

}  // namespace

TEST_CASE("SocketFilter: four families can be made, every other does not exist") {
  const std::set<unsigned long> allowed = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
  bool more = false;
  for (unsigned long family = 0; family < 64; ++family) {
    INFO(family);
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET}) {
      const auto make = [&] { return SocketError(family, type | SOCK_CLOEXEC, 0); };
      const int open = InChild(false, make);
      const int filtered = InChild(true, make);
      CHECK(filtered == (allowed.contains(family) ? open : EAFNOSUPPORT));
      more = more || (!allowed.contains(family) && open != EAFNOSUPPORT);
    }
  }
  CHECK(more);  // or the filter proves nothing
}

TEST_CASE("SocketFilter: of netlink only routes, and a pair only of what a socket may be") {
  for (unsigned long protocol = 0; protocol < 32; ++protocol) {
    const auto make = [&] { return SocketError(AF_NETLINK, SOCK_RAW, protocol); };
    CHECK(InChild(true, make) == (protocol == NETLINK_ROUTE ? 0 : EAFNOSUPPORT));
  }
  CHECK(InChild(false, [] { return SocketError(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT); }) ==
        0);
  const auto pair = [](int family) {
    return [family] {
      int ends[2];
      return ErrorOf(::socketpair(family, SOCK_STREAM, 0, ends));
    };
  };
  CHECK(InChild(true, pair(AF_UNIX)) == 0);
  CHECK(InChild(true, pair(AF_TIPC)) == EAFNOSUPPORT);
}

TEST_CASE("SocketFilter: bits that the kernel does not look at change nothing") {
  constexpr unsigned long kHigh = 1ul << 32;
  CHECK(InChild(true, [] { return SocketError(kHigh | AF_INET, SOCK_STREAM, 0); }) == 0);
  const auto key = [] { return SocketError(kHigh | AF_KEY, SOCK_RAW, 2); };
  CHECK(InChild(true, key) == EAFNOSUPPORT);
  const auto uevent = [] {
    return SocketError(AF_NETLINK, SOCK_RAW, kHigh | NETLINK_KOBJECT_UEVENT);
  };
  CHECK(InChild(true, uevent) == EAFNOSUPPORT);
  CHECK(InChild(false, uevent) == 0);
}

TEST_CASE("SocketFilter: no call of another name or ABI makes a socket") {
  CHECK(InChild(true, [] { return ErrorOf(::syscall(SYS_io_uring_setup, 1, nullptr)); }) == ENOSYS);
#if defined(__x86_64__)
  // The numbers of x32 and, through the old gate, those of i386.
  CHECK(InChild(true, [] {
          return ErrorOf(::syscall(0x40000000 | SYS_socket, AF_INET, SOCK_STREAM, 0));
        }) == ENOSYS);
  const auto i386 = [](long number, long first, long second) {
    return [=] {
      long result = number;
      asm volatile("int $0x80" : "+a"(result) : "b"(first), "c"(second), "d"(0) : "memory");
      return static_cast<int>(result < 0 ? -result : 0);
    };
  };
  constexpr long kSocketcall = 102;
  constexpr long kSocket = 359;
  // SYS_SOCKET of socketcall(2), with its arguments where 32 bits reach.
  void* low =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
  REQUIRE(low != MAP_FAILED);
  auto* arguments = static_cast<unsigned*>(low);
  arguments[0] = AF_UNIX;
  arguments[1] = SOCK_STREAM;
  const auto socketcall =
      i386(kSocketcall, 1, static_cast<long>(reinterpret_cast<std::intptr_t>(low)));
  CHECK(InChild(true, socketcall) == ENOSYS);
  CHECK(InChild(true, i386(kSocket, AF_ALG, SOCK_SEQPACKET)) == EAFNOSUPPORT);
  CHECK(InChild(true, i386(kSocket, AF_UNIX, SOCK_STREAM)) == 0);
  CHECK(InChild(false, socketcall) == 0);
  ::munmap(low, 4096);
#endif
}

}  // namespace workmux::guest
