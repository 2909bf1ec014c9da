#include "daemon/sys/process_limits.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

// In a process of its own, which these calls change for good.
bool InChild(const std::function<bool()>& check) {
  const pid_t pid = ::fork();
  REQUIRE(pid >= 0);
  if (pid == 0) ::_exit(check() ? 0 : 1);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The soft limit after RaiseDescriptorLimit, from these.
rlim_t Raised(rlim_t soft, rlim_t hard) {
  rlimit limit{.rlim_cur = soft, .rlim_max = hard};
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  RaiseDescriptorLimit();
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max == hard ? limit.rlim_cur : 0;
}

TEST_CASE("ProcessLimits: descriptors are raised as far as allowed, and never lowered") {
  rlimit now{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &now) == 0);
  CHECK(InChild([] { return Raised(64, 512) == 512; }));
  CHECK(InChild([] { return Raised(512, 512) == 512; }));
  if (now.rlim_max < 20'000) {
    WARN("the hard limit of descriptors is too low for the rest");
    return;
  }
  CHECK(InChild([] { return Raised(64, 20'000) == 16'384; }));
  CHECK(InChild([] { return Raised(17'000, 20'000) == 17'000; }));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("ProcessLimits: others of this user cannot look into the process, and no core is left") {
  // /proc/PID belongs to root then, proc(5); of the tests' own user it is before.
  const auto is_dumpable = [] { return ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1; };
  REQUIRE(InChild(is_dumpable));
  CHECK(InChild([&] {
    ForbidInspection();
    return !is_dumpable();
  }));
}
#endif

}  // namespace
}  // namespace workmux::daemon
