#include "daemon/adapters/container/first_process.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/io/file.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxStatus = 64u << 10;
constexpr std::size_t kMaxMounts = 8u << 20;
constexpr std::size_t kMinContainer = 32;  // of hexadecimal digits

// "NSpid:\t4711\t1": its number in each pid namespace, from ours to its own.
bool IsInit(std::string_view status) {
  constexpr std::string_view kField = "NSpid:";
  for (const std::string& line : SplitLines(status)) {
    if (!line.starts_with(kField)) continue;
    const std::vector<std::string> numbers = Split(Trim(line.substr(kField.size())), '\t');
    return numbers.size() > 1 && numbers.back() == "1";
  }
  return false;
}

}  // namespace

bool IsFirstProcess(std::string_view status, std::string_view mountinfo,
                    std::string_view container) {
  if (container.size() < kMinContainer || !IsInit(status)) return false;
  const std::string own = Format("/{}/userdata/", container);
  for (const std::string& line : SplitLines(mountinfo)) {
    // The fourth field, the mount's root in its filesystem. Where it is mounted is no
    // proof: the engine's own processes have mounts below that directory.
    const std::vector<std::string> fields = Split(line, ' ');
    if (fields.size() > 4 && fields[3].find(own) != std::string::npos) return true;
  }
  return false;
}

absl::Status KillFirstProcess(pid_t pid, std::string_view container,
                              std::chrono::milliseconds limit) {
  // Held before the look: what is looked at is this process, or one that took its pid
  // after its end, and then the signal reaches none.
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process.valid()) return errno == ESRCH ? absl::OkStatus() : ErrnoStatus(errno, "pidfd_open");
  const fs::path directory = fs::path("/proc") / Format("{}", pid);
  WM_ASSIGN_OR_RETURN(const std::string status, ReadFile(directory / "status", kMaxStatus));
  WM_ASSIGN_OR_RETURN(const std::string mounts, ReadFile(directory / "mountinfo", kMaxMounts));
  if (!IsFirstProcess(status, mounts, container))
    return FailedPrecondition("process {} is not the container's first", pid);
  if (::syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0) != 0)
    return errno == ESRCH ? absl::OkStatus() : ErrnoStatus(errno, "pidfd_send_signal");
  pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
  const int ready = ::poll(&ended, 1, static_cast<int>(limit.count()));
  if (ready > 0) return absl::OkStatus();
  return DeadlineExceeded("process {} has been killed and is not gone", pid);
}

}  // namespace workmux::daemon
