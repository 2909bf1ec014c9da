#include "daemon/sys/process_limits.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>

namespace workmux::daemon {
namespace {

// Two for each of the egress proxy's 4096 tunnels, and as many for everything else.
constexpr rlim_t kDescriptors = 16384;

}  // namespace

void ForbidInspection() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // The leak check of a sanitizer attaches to its own process.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kDescriptors) return;
  limit.rlim_cur = std::min(kDescriptors, limit.rlim_max);
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace workmux::daemon
