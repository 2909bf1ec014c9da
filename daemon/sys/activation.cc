#include "daemon/sys/activation.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

constexpr int kFirstPassedFd = 3;  // SD_LISTEN_FDS_START

}  // namespace

absl::StatusOr<std::optional<UniqueFd>> ActivatedSocket(const Env& env) {
  const auto pid = env.find("LISTEN_PID");
  const auto count = env.find("LISTEN_FDS");
  if (pid == env.end() || count == env.end()) return std::nullopt;
  long long number = 0;
  if (!ParseInt(pid->second, number) || number != ::getpid()) return std::nullopt;
  if (!ParseInt(count->second, number) || number < 1) return std::nullopt;
  if (number != 1) return InvalidArgument("LISTEN_FDS={}: one socket is expected", count->second);
  int listening = 0;
  socklen_t length = sizeof listening;
  if (::getsockopt(kFirstPassedFd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0 ||
      listening == 0) {
    return InvalidArgument("descriptor 3 is not a listening socket");
  }
  UniqueFd fd(kFirstPassedFd);
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  return std::optional<UniqueFd>(std::move(fd));
}

}  // namespace workmux::daemon
