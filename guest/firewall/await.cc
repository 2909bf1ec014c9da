#include "guest/firewall/await.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/socket.h"
#include "guest/firewall/direct_way.h"

namespace workmux::guest {
namespace {

using std::chrono::steady_clock;

// More than the host gives its helper.
constexpr std::chrono::seconds kPatience{60};
constexpr std::size_t kMostWords = 8192;

// All that the host says, until it closes the connection.
absl::StatusOr<std::string> ReadAll(const UniqueFd& connection) {
  const auto give_up = steady_clock::now() + kPatience;
  std::string text;
  std::array<char, 1024> part;
  while (text.size() < kMostWords) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(give_up - steady_clock::now());
    pollfd ready{.fd = connection.get(), .events = POLLIN, .revents = 0};
    const int polled = left.count() > 0 ? ::poll(&ready, 1, static_cast<int>(left.count())) : 0;
    if (polled == 0) return FailedPrecondition("the host said nothing in time");
    const ssize_t got = polled < 0 ? -1 : ::recv(connection.get(), part.data(), part.size(), 0);
    if (got == 0) return text;
    if (got > 0) {
      text.append(part.data(), static_cast<std::size_t>(got));
    } else if (errno != EINTR && errno != EAGAIN) {
      return ErrnoStatus(errno, "the host's word");
    }
  }
  return FailedPrecondition("the host's word is not understood");
}

absl::Status Judge(std::string_view word) {
  if (word == "ok\n") return absl::OkStatus();
  const std::vector<std::string> lines = SplitLines(word);
  if (lines.size() < 2 || lines[0] != "no") return FailedPrecondition("the host went away");
  const absl::Status status = FailedPrecondition("{}", lines[1]);
  return lines.size() > 2 && !lines[2].empty() ? WithHint(status, lines[2]) : status;
}

}  // namespace

absl::Status AwaitFirewall(const std::string& socket, const std::string& address) {
  absl::StatusOr<UniqueFd> connection = ConnectUnix(socket);
  if (!connection.ok()) return FailedPrecondition("no host waits to put the firewall up");
  WM_ASSIGN_OR_RETURN(const std::string word, ReadAll(*connection));
  WM_RETURN_IF_ERROR(Judge(word));
  return CheckNoDirectWay({&address, 1});
}

}  // namespace workmux::guest
