#include "guest/probe/subject.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base/format.h"

namespace workmux::guest {

Subject::Subject(long long first, long long second)
    : first_(Format("/proc/{}", first)), second_(Format("/proc/{}", second)) {
  const std::string root = first_ + "/root";
  root_ = UniqueFd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
}

UniqueFd Subject::Open(const std::string& path) const {
  constexpr int kFlags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  if (!is_outside()) return UniqueFd(::open(path.c_str(), kFlags));
  open_how how{};
  how.flags = kFlags;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how)));
}

std::string NameOf(const UniqueFd& file) { return Format("/proc/self/fd/{}", file.get()); }

}  // namespace workmux::guest
