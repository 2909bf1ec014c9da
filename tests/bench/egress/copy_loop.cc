// copy-loop ADDRESS:PORT TO: hands each connection on to TO ("ADDRESS:PORT" or the path
// of a Unix socket), with 64 KiB read and written at a time: what relays cost that do
// nothing cleverer. One connection after the other.
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/unique_fd.h"
#include "tests/bench/egress/target.h"

namespace workmux::bench {
namespace {

UniqueFd Connect(const std::string& to) {
  const bool is_path = to.starts_with('/');
  UniqueFd fd(::socket(is_path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  int connected = -1;
  if (is_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (to.size() >= sizeof address.sun_path) Die("too long a path");
    std::memcpy(address.sun_path, to.data(), to.size());
    connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  } else {
    const sockaddr_in address = ParseEndpoint(to);
    connected = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  if (connected != 0) Die(std::string("connect: ") + std::strerror(errno));
  return fd;
}

void Join(int near, int far) {
  std::vector<char> buffer(64 * 1024);
  std::array<pollfd, 2> ends = {pollfd{near, POLLIN, 0}, pollfd{far, POLLIN, 0}};
  for (int open = 2; open > 0;) {
    if (::poll(ends.data(), ends.size(), -1) < 0) return;
    for (std::size_t i = 0; i < 2; ++i) {
      if (ends[i].revents == 0) continue;
      const int to = i == 0 ? far : near;
      const ssize_t got = ::read(ends[i].fd, buffer.data(), buffer.size());
      if (got < 0) return;
      if (got == 0) {
        ::shutdown(to, SHUT_WR);
        ends[i].fd = -1;
        --open;
        continue;
      }
      SendAll(to, std::string_view(buffer.data(), static_cast<std::size_t>(got)));
    }
  }
}

int Main(int argc, char** argv) {
  if (argc != 3) Die("usage: copy-loop ADDRESS:PORT TO");
  const sockaddr_in address = ParseEndpoint(argv[1]);
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), 16) != 0) {
    Die("the address is taken");
  }
  ::prctl(PR_SET_NAME, "copy-loop");
  std::printf("ready\n");
  std::fflush(stdout);
  for (;;) {
    const UniqueFd near(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (near.valid()) Join(near.get(), Connect(argv[2]).get());
  }
  return 0;
}

}  // namespace
}  // namespace workmux::bench

int main(int argc, char** argv) { return workmux::bench::Main(argc, argv); }
