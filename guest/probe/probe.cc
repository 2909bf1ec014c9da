#include "guest/probe/probe.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

#include "guest/probe/collectors.h"

namespace workmux::guest {
namespace {

constexpr std::size_t kMostInput = 1u << 20;

bool ReadInput(std::string& text) {
  std::array<char, 16384> part;
  while (text.size() <= kMostInput) {
    const ssize_t got = ::read(STDIN_FILENO, part.data(), part.size());
    if (got < 0) return false;
    if (got == 0) return true;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
  return false;
}

bool WriteOutput(std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(STDOUT_FILENO, text.data(), text.size());
    if (put <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace

v1::ProbeReport Probe(const Subject& subject, const v1::ProbeRequest& request) {
  v1::ProbeReport report;
  AddProcesses(subject, request, report);
  AddMounts(subject, report);
  if (!subject.is_outside()) AddLimits(report);
  AddAttempts(subject, request, report);
  if (request.network()) AddNetwork(subject, report);
  if (!subject.is_outside()) AddPassages(request, report);
  return report;
}

int RunProbe(const Subject& subject) {
  // What runs in the sandbox as the same user could write this process's memory.
  ::prctl(PR_SET_DUMPABLE, 0);
  v1::ProbeRequest request;
  std::string input;
  if (!ReadInput(input) || !request.ParseFromString(input)) {
    std::fputs("workmux: probe: there is no request on standard input\n", stderr);
    return 1;
  }
  const v1::ProbeReport report = Probe(subject, request);
  if (WriteOutput(report.SerializeAsString())) return 0;
  std::fputs("workmux: probe: standard output is closed\n", stderr);
  return 1;
}

}  // namespace workmux::guest
