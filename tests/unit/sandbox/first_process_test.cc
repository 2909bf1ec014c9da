#include "daemon/adapters/container/first_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

const std::string kContainer(64, 'c');
const std::string kOther(64, 'd');
constexpr char kInit[] = "Name:\tcatatonit\nNSpid:\t4711\t1\nThreads:\t1\n";

std::string HostsFile(const std::string& container) {
  return "115 104 254:0 /run/user/1000/containers/overlay-containers/" + container +
         "/userdata/hosts /etc/hosts rw,relatime - tmpfs tmpfs rw\n";
}

}  // namespace

TEST_CASE("FirstProcess: process 1 among the container's own files is the one") {
  const std::string root = "100 90 0:50 / / rw,relatime - overlay overlay rw\n";
  CHECK(IsFirstProcess(kInit, root + HostsFile(kContainer), kContainer));
  CHECK(IsFirstProcess("NSpid:\t4711\t33\t1\n", HostsFile(kContainer), kContainer));

  CHECK_FALSE(IsFirstProcess(kInit, root, kContainer));
  CHECK_FALSE(IsFirstProcess(kInit, root + HostsFile(kOther), kContainer));
  // Another process of it, one of the host's, one without a namespace of its own.
  CHECK_FALSE(IsFirstProcess("NSpid:\t4712\t7\n", HostsFile(kContainer), kContainer));
  CHECK_FALSE(IsFirstProcess("NSpid:\t4711\n", HostsFile(kContainer), kContainer));
  CHECK_FALSE(IsFirstProcess("NSpid:\t1\n", HostsFile(kContainer), kContainer));
  CHECK_FALSE(IsFirstProcess("", HostsFile(kContainer), kContainer));
  // Where it is mounted says nothing: so the engine's own processes see it.
  CHECK_FALSE(IsFirstProcess(kInit,
                             "99 90 0:51 / /run/user/1000/containers/overlay-containers/" +
                                 kContainer + "/userdata/shm rw - tmpfs shm rw\n",
                             kContainer));
  // An id that is a part of others is none.
  CHECK_FALSE(IsFirstProcess(kInit, HostsFile(kContainer), ""));
  CHECK_FALSE(IsFirstProcess(kInit, HostsFile(kContainer), "c"));
}

TEST_CASE("FirstProcess: another process that has the pid by now is left alone") {
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  CHECK_CODE(KillFirstProcess(child, kContainer, std::chrono::seconds(1)),
             absl::StatusCode::kFailedPrecondition);
  int status = 0;
  CHECK(::waitpid(child, &status, WNOHANG) == 0);

  ::kill(child, SIGKILL);
  ::waitpid(child, &status, 0);
  CHECK_OK(KillFirstProcess(child, kContainer, std::chrono::seconds(1)));
}

}  // namespace workmux::daemon
