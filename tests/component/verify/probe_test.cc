#include "guest/probe/probe.h"

#include <unistd.h>

#include <cstdio>

#include "tests/support/catch.h"

namespace workmux::guest {
namespace {

std::string UnreadOf(const v1::ProbeReport& report, int process) {
  std::string all;
  for (const std::string& file : report.processes(process).unread()) all += file + " ";
  return all;
}

}  // namespace

TEST_CASE("Probe: what it may not read of a process is named", "[verify]") {
  if (::geteuid() == 0) {
    std::puts("SKIPPED: root may read everything");
    return;
  }
  // Of this machine's first process, which is root's.
  const v1::ProbeReport report = Probe(Subject(), {});
  REQUIRE(report.processes_size() == 2);
  CHECK(UnreadOf(report, 0).empty());
  CHECK(UnreadOf(report, 1) == "environ ");
  CHECK(report.processes(1).pid() == 1);
}

TEST_CASE("Probe: a process that is gone is reported as unread", "[verify]") {
  const v1::ProbeReport report = Probe(Subject(::getpid(), 0x7fffffff), {});
  REQUIRE(report.processes_size() == 2);
  CHECK(UnreadOf(report, 0) == "status limits environ cmdline ");
  CHECK(UnreadOf(report, 1).empty());
}

}  // namespace workmux::guest
