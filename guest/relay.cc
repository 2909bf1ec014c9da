#include "guest/relay.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/base/unique_fd.h"
#include "guest/relay_entries.h"
#include "guest/relay_loop.h"

namespace workmux::guest {
namespace {

constexpr char kName[] = "workmux-relay";
constexpr int kBacklog = 512;
constexpr rlim_t kDescriptors = 4 * kMostRelayed;
// A sandbox that is told to end says its last words through the relay: it goes with
// the sandbox's first process.
constexpr int kIgnored[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE};

// Invalid, with errno set, when there is no such address here.
UniqueFd Listen(int family, const sockaddr* address, socklen_t size) {
  UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  const auto set = [&](int level, int option) {
    return ::setsockopt(socket.get(), level, option, &on, sizeof(on)) == 0;
  };
  if (!socket.valid() || !set(SOL_SOCKET, SO_REUSEADDR)) return UniqueFd();
  if (family == AF_INET6 && !set(IPPROTO_IPV6, IPV6_V6ONLY)) return UniqueFd();
  if (::bind(socket.get(), address, size) != 0 || ::listen(socket.get(), kBacklog) != 0) {
    const int error = errno;
    socket.Reset();
    errno = error;
  }
  return socket;
}

absl::Status ListenOn(const RelayEntry& entry, const std::string& directory,
                      std::vector<RelayListener>& listeners) {
  const std::string path = directory + "/" + entry.socket;
  const auto failed = [&entry] {
    const std::string what = Format("port {} of the sandbox's loopback", entry.port);
    return errno == EADDRINUSE ? FailedPrecondition("{} is taken", what) : ErrnoStatus(errno, what);
  };
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(entry.port);
  four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  UniqueFd socket = Listen(AF_INET, reinterpret_cast<const sockaddr*>(&four), sizeof(four));
  if (!socket.valid()) return failed();
  listeners.push_back({std::move(socket), path});

  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(entry.port);
  six.sin6_addr = in6addr_loopback;
  socket = Listen(AF_INET6, reinterpret_cast<const sockaddr*>(&six), sizeof(six));
  if (socket.valid()) {
    listeners.push_back({std::move(socket), path});
  } else if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL) {
    return failed();
  }
  return absl::OkStatus();
}

// What the caller has open is the command's: a pipe that stayed open here would never end.
bool KeepOnly(const std::vector<RelayListener>& listeners) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int standard = 0; standard <= STDERR_FILENO; ++standard) {
    if (::dup2(null.get(), standard) < 0) return false;
  }
  std::vector<unsigned> kept;
  for (const RelayListener& listener : listeners)
    kept.push_back(static_cast<unsigned>(listener.socket.get()));
  std::sort(kept.begin(), kept.end());
  unsigned next = STDERR_FILENO + 1;
  for (const unsigned descriptor : kept) {
    if (descriptor > next) ::syscall(SYS_close_range, next, descriptor - 1, 0);
    next = descriptor + 1;
  }
  ::syscall(SYS_close_range, next, ~0u, 0);
  return true;
}

// The kernel has laid the arguments out one after the other, execve(2).
void Rename(char* const* arguments) {
  char* const begin = *arguments;
  char* end = begin;
  for (; *arguments != nullptr && *arguments == end; ++arguments) end += std::strlen(end) + 1;
  const auto size = static_cast<std::size_t>(end - begin);
  std::memset(begin, 0, size);
  if (size > sizeof(kName)) std::memcpy(begin, kName, sizeof(kName));
  ::prctl(PR_SET_NAME, kName);
}

// All that the command could see of the relay, before the command runs; the next fork
// hands it on.
bool Withdraw(const std::vector<RelayListener>& listeners, char* const* arguments) {
  ::prctl(PR_SET_DUMPABLE, 0);
  Rename(arguments);
  for (const int number : kIgnored) std::signal(number, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  rlimit descriptors{};
  if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0) {
    descriptors.rlim_cur = std::min(descriptors.rlim_max, kDescriptors);
    ::setrlimit(RLIMIT_NOFILE, &descriptors);
  }
  return ::setsid() > 0 && ::chdir("/") == 0 && KeepOnly(listeners);
}

}  // namespace

absl::Status StartRelay(std::string_view entries, const std::string& directory,
                        char* const* arguments) {
  WM_ASSIGN_OR_RETURN(const std::vector<RelayEntry> parsed, ParseRelayEntries(entries));
  std::vector<RelayListener> listeners;
  for (const RelayEntry& entry : parsed) WM_RETURN_IF_ERROR(ListenOn(entry, directory, listeners));
  const pid_t parent = ::fork();
  if (parent == 0) {
    if (!Withdraw(listeners, arguments)) ::_exit(1);
    const pid_t relay = ::fork();
    if (relay == 0) ServeRelay(std::move(listeners));
    ::_exit(relay > 0 ? 0 : 1);
  }
  if (parent < 0) return ErrnoStatus(errno, "fork");
  int status = 0;
  while (::waitpid(parent, &status, 0) < 0) {
    if (errno != EINTR) return ErrnoStatus(errno, "waitpid");
  }
  return status == 0 ? absl::OkStatus() : Internal("the relay's process did not start");
}

}  // namespace workmux::guest
