#include "guest/socket_filter.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>

#include <cerrno>
#include <vector>

#include "common/base/status.h"
#include "common/os/socket_filter.h"

namespace workmux::guest {

absl::Status RestrictSockets() {
  std::vector<sock_filter> filter = SocketFilter();
  if (filter.empty()) return Unimplemented("no filter of system calls for this processor");
  const sock_fprog program = {static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    return ErrnoStatus(errno, "the filter of system calls");
  }
  return absl::OkStatus();
}

}  // namespace workmux::guest
