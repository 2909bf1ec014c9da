#include "common/process/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/status.h"

namespace workmux {

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus(errno, "pipe2");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace workmux
