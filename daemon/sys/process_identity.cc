#include "daemon/sys/process_identity.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/io/file.h"

namespace workmux::daemon {

absl::StatusOr<ProcessIdentity> IdentifyProcess(pid_t pid) {
  WM_ASSIGN_OR_RETURN(const std::string stat, ReadFile(Format("/proc/{}/stat", pid)));
  WM_ASSIGN_OR_RETURN(const std::string boot, ReadFile("/proc/sys/kernel/random/boot_id"));
  // The second field, the name, may hold spaces and parentheses: count from its end.
  const auto name_end = stat.rfind(") ");
  if (name_end == std::string::npos) return Internal("/proc/{}/stat: unexpected form", pid);
  const auto fields = Split(std::string_view(stat).substr(name_end + 2), ' ');
  constexpr std::size_t kStartTime = 22 - 3;
  if (fields.size() <= kStartTime) return Internal("/proc/{}/stat: unexpected form", pid);
  return ProcessIdentity{
      .pid = pid, .start_time = fields[kStartTime], .boot_id = std::string(Trim(boot))};
}

absl::StatusOr<UniqueFd> OpenProcess(const ProcessIdentity& identity) {
  const absl::Status ended = NotFound("process {} has ended", identity.pid);
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, identity.pid, 0)));
  // EINVAL: the number is no process's any more but one of its threads', or none at all.
  if (!fd.valid())
    return errno == ESRCH || errno == EINVAL ? ended : ErrnoStatus(errno, "pidfd_open");
  // Opened first, compared after: the descriptor cannot change its process.
  const auto now = IdentifyProcess(identity.pid);
  // One that nobody has waited for yet is readable and has ended all the same.
  pollfd state{.fd = fd.get(), .events = POLLIN, .revents = 0};
  if (::poll(&state, 1, 0) > 0) return ended;
  WM_RETURN_IF_ERROR(now.status());
  if (!(*now == identity)) return ended;
  return fd;
}

}  // namespace workmux::daemon
