#include "daemon/adapters/namespace/sandbox_processes.h"

#include <unistd.h>
#include <csignal>

#include <algorithm>

#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

std::vector<std::string> Marked(const std::string& name) {
  return {"/usr/bin/bwrap", "--args",        "3",         "--hostname", name,
          "--setenv",       "WM_SESSION_ID", "s-" + name, "--",         "sh"};
}

ProcessEntry Entry(pid_t pid, pid_t parent, std::vector<pid_t> pids,
                   std::vector<std::string> argv) {
  return {pid, parent, 1000, 1, std::move(pids), std::move(argv), false};
}

}  // namespace

TEST_CASE("SandboxProcesses: a sandbox is its monitor, its first process and all below") {
  const auto found = FindSandboxes({Entry(5, 1, {5}, {"bash"}), Entry(20, 10, {20, 1}, Marked("a")),
                                    Entry(22, 21, {22, 3}, {"cc"}), Entry(21, 20, {21, 2}, {"sh"}),
                                    Entry(10, 5, {10}, Marked("a"))});
  REQUIRE(found.size() == 1);
  CHECK(found[0].marker.session_id == "s-a");
  CHECK(found[0].monitor.pid == 10);
  CHECK(found[0].init.pid == 20);
  CHECK(found[0].members.size() == 2);
}

TEST_CASE("SandboxProcesses: a process in a sandbox cannot pass for another sandbox") {
  const auto found = FindSandboxes(
      {Entry(10, 5, {10}, Marked("a")), Entry(20, 10, {20, 1}, Marked("a")),
       Entry(30, 20, {30, 7}, Marked("victim")), Entry(31, 30, {31, 8, 1}, Marked("victim"))});
  REQUIRE(found.size() == 1);
  CHECK(found[0].marker.name == "a");
}

TEST_CASE("SandboxProcesses: this process is read as /proc shows it") {
  const auto processes = test::Must(ReadProcesses(::getuid()));
  const auto self = std::find_if(processes.begin(), processes.end(),
                                 [](const ProcessEntry& entry) { return entry.pid == ::getpid(); });
  REQUIRE(self != processes.end());
  CHECK(self->parent == ::getppid());
  CHECK(self->start_time > 0);
}

TEST_CASE("SandboxProcesses: a pid that means another process by now gets no signal") {
  ProcessEntry other;
  other.pid = ::getpid();
  other.uid = ::getuid();
  other.start_time = 1;
  CHECK_OK(SignalProcess(other, SIGKILL));
}

}  // namespace workmux::daemon
