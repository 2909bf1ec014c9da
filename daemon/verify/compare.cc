#include "daemon/verify/compare.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <set>

#include "common/base/ascii_case.h"
#include "common/base/format.h"
#include "common/base/path.h"
#include "common/base/strings.h"
#include "daemon/verify/capabilities.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using state::v1::Expectation;
using Report = guest::v1::ProbeReport;
using Process = Report::Process;
using Differences = std::vector<Difference>;

constexpr std::uint32_t kFilter = 2;  // SECCOMP_MODE_FILTER
constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();
// What would give the kernel away; sysctl(8), proc_sysrq-trigger(5).
constexpr auto kKernelFiles = std::to_array<std::string_view>(
    {"/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger",
     "/proc/irq", "/sys/kernel/uevent_helper"});

void Add(Differences& all, std::string_view defence, std::string expected, std::string found) {
  all.push_back({std::string(defence), std::move(expected), std::move(found)});
}

std::string ErrorText(int error) {
  return error == 0 ? "it can be done" : Printable(std::strerror(error));
}

void CompareCapabilities(const Expectation& expected, const Process& process, Differences& all) {
  const std::pair<std::string_view, std::uint64_t> sets[] = {{"bounding", process.bounding()},
                                                             {"permitted", process.permitted()},
                                                             {"effective", process.effective()},
                                                             {"inheritable", process.inheritable()},
                                                             {"ambient", process.ambient()}};
  for (const auto& [name, bits] : sets) {
    const std::uint64_t more = bits & ~expected.capabilities();
    if (more == 0) continue;
    Add(all, "capabilities", Format("{} set: {}", name, CapabilityNames(expected.capabilities())),
        Format("{} in process {}", CapabilityNames(bits), process.pid()));
  }
}

// The real one, and the others where they are not the same.
std::string IdsText(const google::protobuf::RepeatedField<std::uint32_t>& ids) {
  if (ids.empty()) return "not reported";
  const bool same = std::all_of(ids.begin(), ids.end(), [&](auto id) { return id == ids[0]; });
  std::string text;
  for (const std::uint32_t id : ids) text += Format("{}{}", text.empty() ? "" : "/", id);
  return same ? Format("{}", ids[0]) : text;
}

void CompareIdentity(const Expectation& expected, const Process& process, Differences& all) {
  const auto is = [](const auto& ids, std::uint32_t id) {
    return ids.size() == 4 && std::all_of(ids.begin(), ids.end(), [&](auto i) { return i == id; });
  };
  if (!is(process.users(), expected.user()) || !is(process.groups(), expected.group())) {
    Add(all, "identity", Format("user {}, group {}", expected.user(), expected.group()),
        Format("user {}, group {} in process {}", IdsText(process.users()),
               IdsText(process.groups()), process.pid()));
  }
  if (expected.any_groups()) return;
  for (const std::uint32_t group : process.further_groups()) {
    const auto& allowed = expected.further_groups();
    if (group == expected.group() ||
        std::find(allowed.begin(), allowed.end(), group) != allowed.end())
      continue;
    Add(all, "identity", "no further groups",
        Format("group {} in process {}", group, process.pid()));
  }
}

void CompareEnvironment(const Expectation& expected, const Process& process, Differences& all) {
  // Of an outsider's second process: it may have begun anew with more by itself.
  const bool is_command = expected.outside_probe() && process.pid() == 2;
  const auto& known = expected.variables();
  for (const std::string& name : process.variables()) {
    if (is_command || std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (LooksSecret(name))
      Add(all, "environment", "no variable that nobody set", Format("{}", Printable(name)));
  }
  for (const std::string& name : process.exposed_secrets()) {
    Add(all, "environment", "no value of a variable in an argument",
        Format("that of {} in process {}", Printable(name), process.pid()));
  }
}

std::string LimitText(std::uint64_t limit) {
  return limit == kUnlimited ? "no limit" : Format("{}", limit);
}

// A lower limit binds as well.
void CompareLimit(std::string_view what, std::uint64_t expected, bool known, std::uint64_t found,
                  Differences& all) {
  if (known && found <= expected) return;
  Add(all, "limits", Format("{}: {}", what, LimitText(expected)),
      known ? LimitText(found) : std::string("not to be seen"));
}

void CompareProcess(const Expectation& expected, const Process& process, Differences& all) {
  // As a restricted container's first process the guest program shows nothing of itself
  // (guest/first_process.h); what the engine gave it, it gave the probe as well.
  const bool withdrawn =
      expected.socket_filter() && !expected.outside_probe() && process.pid() == 1;
  for (const std::string& file : process.unread()) {
    if (withdrawn && file == "environ") continue;
    Add(all, "report", Format("{} of process {}", Printable(file), process.pid()),
        "it cannot be read");
  }
  CompareCapabilities(expected, process, all);
  if (expected.no_new_privileges() && !process.no_new_privileges())
    Add(all, "no-new-privileges", "set", Format("not set in process {}", process.pid()));
  if ((expected.seccomp() || expected.socket_filter()) && process.seccomp() != kFilter)
    Add(all, "seccomp", "a filter of system calls", Format("none in process {}", process.pid()));
  CompareIdentity(expected, process, all);
  CompareEnvironment(expected, process, all);
  // The first process only waits for the others, and may be outside of the limit.
  if (expected.has_user_processes() && process.pid() != 1) {
    CompareLimit("processes of the user", expected.user_processes(), process.has_most_processes(),
                 process.most_processes(), all);
  }
}

void CompareLimits(const Expectation& expected, const Report& report, Differences& all) {
  const Report::Limits& found = report.limits();
  if (expected.has_processes())
    CompareLimit("processes", expected.processes(), found.has_processes(), found.processes(), all);
  if (expected.has_memory())
    CompareLimit("bytes of memory", expected.memory(), found.has_memory(), found.memory(), all);
  // Without swap accounting there is nothing to see, and no swap limit to be had.
  if (expected.has_memory_and_swap() && found.has_memory_and_swap()) {
    CompareLimit("bytes of memory and swap", expected.memory_and_swap(), true,
                 found.memory_and_swap(), all);
  }
  if (!expected.has_cpus()) return;
  const bool known = found.has_cpu_microseconds() && found.cpu_period() > 0;
  const bool unlimited = !known || found.cpu_microseconds() == kUnlimited;
  const double cpus = unlimited ? 0
                                : static_cast<double>(found.cpu_microseconds()) /
                                      static_cast<double>(found.cpu_period());
  if (unlimited || cpus > expected.cpus() + 0.005) {
    Add(all, "limits", Format("CPUs: {}", expected.cpus()),
        !known      ? "not to be seen"
        : unlimited ? "no limit"
                    : Format("{}", cpus));
  }
}

// The mount that shows `path`: of those around it the deepest, the last of equals.
const Report::Mount* ShownBy(const Report& report, const fs::path& path) {
  const Report::Mount* shown = nullptr;
  for (const Report::Mount& mount : report.mounts()) {
    if (!IsWithin(path, mount.target())) continue;
    if (shown == nullptr || IsWithin(mount.target(), shown->target())) shown = &mount;
  }
  return shown;
}

// What listens there was made inside, or came with the image.
bool IsOwnSpace(const Expectation& expected, const Report& report, const fs::path& path) {
  const Report::Mount* shown = ShownBy(report, path);
  if (shown == nullptr || shown->target() == path.native()) return false;
  const auto& own = expected.own_mounts();
  return std::any_of(own.begin(), own.end(), [&](const Expectation::OwnMount& mount) {
    return mount.target() == shown->target() && !mount.below();
  });
}

bool IsRefusal(int error) {
  return error == EROFS || error == EACCES || error == EPERM || error == EBUSY;
}
bool IsAbsent(int error) { return error == ENOENT || error == ENOTDIR; }

void CompareAttempt(const Expectation& expected, const Report& report,
                    const Report::Attempt& attempt, Differences& all) {
  const std::string path = Printable(attempt.path());
  const int error = attempt.error();
  if (attempt.kind() == Report::ATTEMPT_KIND_CONNECT) {
    if (IsAbsent(error) || error == EACCES || error == ENAMETOOLONG) return;
    if (IsOwnSpace(expected, report, attempt.path())) return;
    Add(all, "sockets", Format("{}: out of reach", path),
        error == 0 ? std::string("it answers") : "it is there: " + ErrorText(error));
    return;
  }
  if (IsRefusal(error)) return;
  const bool kernel =
      std::find(kKernelFiles.begin(), kKernelFiles.end(), attempt.path()) != kKernelFiles.end();
  if (kernel) {
    if (IsAbsent(error)) return;
    Add(all, "kernel", Format("{}: not writable", path), ErrorText(error));
  } else if (attempt.kind() == Report::ATTEMPT_KIND_MOVE) {
    Add(all, "protected paths", Format("{}: cannot be moved away", path), ErrorText(error));
  } else {
    Add(all, "protected paths", Format("{}: not writable", path), ErrorText(error));
  }
}

// Each thing that was to be tried has to have been.
void CompareAttempts(const Expectation& expected, const Report& report, Differences& all) {
  std::set<std::pair<int, std::string>> tried;
  for (const Report::Attempt& attempt : report.attempts()) {
    tried.emplace(attempt.kind(), attempt.path());
    CompareAttempt(expected, report, attempt, all);
  }
  const guest::v1::ProbeRequest request = RequestFor(expected);
  const auto check = [&](Report::AttemptKind kind, const auto& paths, std::string_view defence) {
    for (const std::string& path : paths) {
      if (!tried.contains({kind, path}))
        Add(all, defence, Format("{}: tried", Printable(path)), "not reported");
    }
  };
  check(Report::ATTEMPT_KIND_WRITE, request.written(), "protected paths");
  check(Report::ATTEMPT_KIND_MOVE, request.moved(), "protected paths");
  check(Report::ATTEMPT_KIND_CONNECT, request.sockets(), "sockets");
}

}  // namespace

bool LooksSecret(std::string name) {
  name = UpperAscii(name);
  for (const std::string_view part : {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL",
                                      "API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY"}) {
    if (name.find(part) != std::string::npos) return true;
  }
  for (const std::string_view whole : {"SSH_AUTH_SOCK", "DOCKER_HOST", "CONTAINER_HOST",
                                       "DBUS_SESSION_BUS_ADDRESS", "KUBECONFIG"}) {
    if (name == whole) return true;
  }
  return name.ends_with("_KEY");
}

guest::v1::ProbeRequest RequestFor(const Expectation& expectation) {
  guest::v1::ProbeRequest request;
  std::set<std::string> moved;
  for (const Expectation::Mount& mount : expectation.mounts()) {
    if (!mount.writable() && !mount.masks()) request.add_written(mount.target());
    if (!mount.pinned()) continue;
    for (fs::path dir = fs::path(mount.target()).parent_path(); dir != dir.parent_path();
         dir = dir.parent_path()) {
      const bool movable = std::any_of(expectation.mounts().begin(), expectation.mounts().end(),
                                       [&](const Expectation::Mount& outer) {
                                         return outer.writable() && dir != outer.target() &&
                                                IsWithin(dir, outer.target());
                                       });
      if (movable) moved.insert(dir.native());
    }
  }
  for (const std::string& dir : moved) request.add_moved(dir);
  if (!expectation.own_kernel()) {
    for (const std::string_view file : kKernelFiles) request.add_written(std::string(file));
  }
  *request.mutable_sockets() = expectation.sockets();
  *request.mutable_secrets() = expectation.secrets();
  request.set_network(expectation.isolated() || expectation.socket_filter());
  AddWays(expectation, request);
  return request;
}

Differences Compare(const Expectation& expectation, const Report& report) {
  Differences all;
  const int wanted = expectation.outside_probe() ? 2 : 1;
  if (report.processes_size() < wanted)
    Add(all, "report", "the sandbox's processes", "not reported");
  for (const Process& process : report.processes()) CompareProcess(expectation, process, all);
  CompareMounts(expectation, report, all);
  CompareAttempts(expectation, report, all);
  CompareNetwork(expectation, report, all);
  CompareFirewall(expectation, report, all);
  CompareLimits(expectation, report, all);
  const auto rank = [](const Difference& difference) {
    return std::find(std::begin(kDefences), std::end(kDefences), difference.defence);
  };
  std::stable_sort(all.begin(), all.end(),
                   [&](const Difference& a, const Difference& b) { return rank(a) < rank(b); });
  return all;
}

}  // namespace workmux::daemon
