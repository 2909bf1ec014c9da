#include "daemon/adapters/namespace/sandbox_processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/unique_fd.h"
#include "common/io/file.h"

namespace workmux::daemon {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPoll{10};
constexpr milliseconds kKillLimit{5000};
// For this long a sandbox may be about to get its first process.
constexpr milliseconds kStartLimit{1000};

// Files of /proc have no size: read to the end. Nothing when the process is gone.
std::optional<std::string> ReadProcFile(int dir, const char* name, std::size_t limit) {
  const UniqueFd fd(::openat(dir, name, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return std::nullopt;
  std::string text;
  char buffer[8192];
  while (text.size() < limit) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
  }
  return text;
}

// Fields 4 (parent) and 22 (start time) of /proc/PID/stat. The name in field 2
// may hold anything, parentheses too: what follows the last one counts.
bool ParseStat(std::string_view text, ProcessEntry& entry) {
  const auto end = text.rfind(')');
  if (end == std::string_view::npos) return false;
  const std::vector<std::string> fields = Split(Trim(text.substr(end + 1)), ' ');
  long long parent = 0;
  long long start = 0;
  if (fields.size() < 20 || !ParseInt(fields[1], parent) || !ParseInt(fields[19], start))
    return false;
  entry.zombie = fields[0] == "Z" || fields[0] == "X";
  entry.parent = static_cast<pid_t>(parent);
  entry.start_time = static_cast<std::uint64_t>(start);
  return true;
}

// The fields of one line of /proc/PID/status. The name above them has its line
// breaks escaped, so a key is found at the start of its own line only.
std::vector<std::string> StatusFields(std::string_view status, std::string_view key) {
  const auto at = status.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view line = status.substr(at + key.size());
  return Split(Trim(line.substr(0, line.find('\n'))), '\t');
}

bool BelongsTo(std::string_view status, uid_t uid) {
  const std::vector<std::string> uids = StatusFields(status, "\nUid:");
  return !uids.empty() && uids.front() == Format("{}", uid);
}

bool ParseNamespacePids(std::string_view status, ProcessEntry& entry) {
  for (const std::string& field : StatusFields(status, "\nNSpid:")) {
    long long pid = 0;
    if (!ParseInt(Trim(field), pid)) return false;
    entry.pids.push_back(static_cast<pid_t>(pid));
  }
  return !entry.pids.empty();
}

std::optional<ProcessEntry> ReadProcess(int dir, pid_t pid, uid_t uid) {
  ProcessEntry entry;
  entry.pid = pid;
  entry.uid = uid;
  // The files' owner says nothing: a process that is not dumpable shows root's.
  const auto status = ReadProcFile(dir, "status", 16384);
  if (!status || !BelongsTo(*status, uid)) return std::nullopt;
  const auto stat = ReadProcFile(dir, "stat", 4096);
  const auto cmdline = ReadProcFile(dir, "cmdline", 65536);
  if (!stat || !cmdline) return std::nullopt;
  if (!ParseStat(*stat, entry) || !ParseNamespacePids(*status, entry)) return std::nullopt;
  entry.argv = Split(*cmdline, '\0');
  return entry;
}

std::optional<SandboxProcesses> FindSandbox(const std::vector<ProcessEntry>& processes,
                                            std::string_view name) {
  for (SandboxProcesses& sandbox : FindSandboxes(processes)) {
    if (sandbox.marker.name == name) return std::move(sandbox);
  }
  return std::nullopt;
}

// Polls until the sandbox is gone; the last sight of it when it is not.
absl::StatusOr<std::optional<SandboxProcesses>> AwaitEnd(std::string_view name, uid_t uid,
                                                         Clock::time_point deadline) {
  for (;;) {
    WM_ASSIGN_OR_RETURN(const std::vector<ProcessEntry> processes, ReadProcesses(uid));
    std::optional<SandboxProcesses> sandbox = FindSandbox(processes, name);
    if (!sandbox.has_value() || Clock::now() >= deadline) return sandbox;
    std::this_thread::sleep_for(kPoll);
  }
}

// bwrap's monitor leaves as soon as it knows the exit code, while the kernel is
// still ending the rest; the first process is the last to go.
bool Exists(const std::vector<ProcessEntry>& processes, const ProcessEntry& wanted) {
  return std::any_of(processes.begin(), processes.end(), [&](const ProcessEntry& process) {
    return process.pid == wanted.pid && process.start_time == wanted.start_time && !process.zombie;
  });
}

absl::Status KillSandbox(std::string_view name, uid_t uid, ProcessEntry init) {
  const auto begin = Clock::now();
  for (;;) {
    WM_ASSIGN_OR_RETURN(const std::vector<ProcessEntry> processes, ReadProcesses(uid));
    const std::optional<SandboxProcesses> sandbox = FindSandbox(processes, name);
    if (sandbox.has_value() && sandbox->init.pid != 0) init = sandbox->init;
    const bool init_exists = init.pid != 0 && Exists(processes, init);
    if (!sandbox.has_value() && !init_exists) return absl::OkStatus();
    if (init_exists) {
      WM_RETURN_IF_ERROR(SignalProcess(init, SIGKILL));
    } else if (sandbox->monitor.pid != 0 && Clock::now() - begin > kStartLimit) {
      // Killed at once, a bwrap that has just cloned would leave its child alone.
      WM_RETURN_IF_ERROR(SignalProcess(sandbox->monitor, SIGKILL));
    }
    if (Clock::now() - begin > kKillLimit) {
      return WithHint(WithReason(DeadlineExceeded("{}: processes of the sandbox do not end", name),
                                 "STOP_FAILED"),
                      "Look for processes in uninterruptible sleep with `ps -eo pid,stat,args`.");
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace

absl::StatusOr<std::vector<ProcessEntry>> ReadProcesses(uid_t uid) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return ErrnoStatus(errno, "opendir(/proc)");
  std::vector<ProcessEntry> processes;
  while (const dirent* found = ::readdir(proc.get())) {
    long long pid = 0;
    if (!ParseInt(found->d_name, pid)) continue;
    const UniqueFd dir(
        ::openat(::dirfd(proc.get()), found->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir.valid()) continue;
    if (auto entry = ReadProcess(dir.get(), static_cast<pid_t>(pid), uid))
      processes.push_back(std::move(*entry));
  }
  return processes;
}

std::vector<SandboxProcesses> FindSandboxes(const std::vector<ProcessEntry>& processes) {
  std::map<std::string, SandboxProcesses> by_name;
  for (const ProcessEntry& process : processes) {
    const bool outside = process.pids.size() == 1;
    const bool first_inside = process.pids.size() == 2 && process.pids[1] == 1;
    if (!outside && !first_inside) continue;
    const std::optional<SandboxMarker> marker = ParseMarker(process.argv);
    if (!marker.has_value()) continue;
    SandboxProcesses& sandbox = by_name[marker->name];
    sandbox.marker = *marker;
    (outside ? sandbox.monitor : sandbox.init) = process;
  }
  std::vector<SandboxProcesses> sandboxes;
  for (auto& [name, sandbox] : by_name) {
    std::set<pid_t> family = {sandbox.init.pid};
    // Orphans inside become init's children, so every member is a descendant.
    for (bool grown = sandbox.init.pid != 0; grown;) {
      grown = false;
      for (const ProcessEntry& process : processes) {
        if (!family.contains(process.parent) || !family.insert(process.pid).second) continue;
        sandbox.members.push_back(process);
        grown = true;
      }
    }
    sandboxes.push_back(std::move(sandbox));
  }
  return sandboxes;
}

absl::Status SignalProcess(const ProcessEntry& process, int signal) {
  // By number: glibc before 2.36 has no wrapper, and then only for C.
  const UniqueFd handle(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
  if (!handle.valid()) return errno == ESRCH ? absl::OkStatus() : ErrnoStatus(errno, "pidfd_open");
  const UniqueFd dir(
      ::open(Format("/proc/{}", process.pid).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const auto now = dir.valid() ? ReadProcess(dir.get(), process.pid, process.uid) : std::nullopt;
  if (!now.has_value() || now->start_time != process.start_time) return absl::OkStatus();
  if (::syscall(SYS_pidfd_send_signal, handle.get(), signal, nullptr, 0) == 0 || errno == ESRCH) {
    return absl::OkStatus();
  }
  return ErrnoStatus(errno, "pidfd_send_signal");
}

void AddProcessUsage(pid_t pid, SandboxUsage& usage) {
  const std::string dir = Format("/proc/{}/", pid);
  const auto memory = ReadFile(dir + "statm", 4096);
  const auto times = ReadFile(dir + "stat", 4096);
  if (!memory.ok() || !times.ok()) return;
  const std::vector<std::string> pages = Split(*memory, ' ');
  // The program's name stands in parentheses and may hold any character.
  const std::size_t name_end = times->rfind(") ");
  if (pages.size() < 2 || name_end == std::string::npos) return;
  const std::vector<std::string> fields = Split(times->substr(name_end + 2), ' ');
  long long resident = 0;
  long long user = 0;
  long long system = 0;
  // utime and stime are the fields 14 and 15, the state behind the name is the third.
  if (fields.size() < 13 || !ParseInt(pages[1], resident) || !ParseInt(fields[11], user) ||
      !ParseInt(fields[12], system)) {
    return;
  }
  const auto ticks = static_cast<std::uint64_t>(user + system);
  usage.memory_bytes += static_cast<std::uint64_t>(resident * ::sysconf(_SC_PAGESIZE));
  usage.cpu_usec += ticks * 1'000'000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  ++usage.processes;
}

absl::Status StopSandbox(std::string_view name, uid_t uid, milliseconds grace) {
  WM_ASSIGN_OR_RETURN(const std::optional<SandboxProcesses> sandbox,
                      AwaitEnd(name, uid, Clock::now()));
  if (!sandbox.has_value()) return absl::OkStatus();
  if (grace > milliseconds::zero()) {
    for (const ProcessEntry& member : sandbox->members) {
      // The inner bwrap has the outer namespace's pid only; it ends with its programs.
      if (member.pids.size() >= 3) WM_RETURN_IF_ERROR(SignalProcess(member, SIGTERM));
    }
    WM_RETURN_IF_ERROR(AwaitEnd(name, uid, Clock::now() + grace).status());
  }
  return KillSandbox(name, uid, sandbox->init);
}

}  // namespace workmux::daemon
