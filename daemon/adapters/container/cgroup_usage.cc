#include "daemon/adapters/container/cgroup_usage.h"

#include <string>
#include <vector>

#include "common/base/strings.h"
#include "common/io/file.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFile = 64u << 10;

std::optional<std::uint64_t> ReadNumber(const fs::path& file) {
  const auto text = ReadFile(file, kMaxFile);
  long long number = 0;
  if (!text.ok() || !ParseInt(Trim(*text), number) || number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(number);
}

// "usage_usec 123" among the lines of cpu.stat.
std::optional<std::uint64_t> ReadField(const fs::path& file, std::string_view name) {
  const auto text = ReadFile(file, kMaxFile);
  if (!text.ok()) return std::nullopt;
  for (const std::string& line : SplitLines(*text)) {
    long long number = 0;
    if (line.starts_with(std::string(name) + " ") && ParseInt(line.substr(name.size() + 1), number))
      return static_cast<std::uint64_t>(number);
  }
  return std::nullopt;
}

}  // namespace

std::optional<SandboxUsage> ReadCgroupUsage(pid_t pid, const fs::path& root) {
  const auto groups = ReadFile(root / "proc" / std::to_string(pid) / "cgroup", kMaxFile);
  if (!groups.ok()) return std::nullopt;
  const fs::path hierarchies = root / "sys/fs/cgroup";
  SandboxUsage usage;
  bool found = false;
  const auto take = [&found](std::optional<std::uint64_t> value, auto& member,
                             std::uint64_t divisor = 1) {
    if (!value.has_value()) return;
    member = static_cast<std::remove_reference_t<decltype(member)>>(*value / divisor);
    found = true;
  };
  for (const std::string& line : SplitLines(*groups)) {
    // "number:controllers:/path"; version 2 has the number 0 and no controllers.
    const std::vector<std::string> fields = Split(line, ':');
    if (fields.size() != 3 || !fields[2].starts_with('/')) continue;
    const std::string path = fields[2].substr(1);
    if (fields[1].empty()) {
      const fs::path group = hierarchies / path;
      take(ReadNumber(group / "memory.current"), usage.memory_bytes);
      take(ReadField(group / "cpu.stat", "usage_usec"), usage.cpu_usec);
      take(ReadNumber(group / "pids.current"), usage.processes);
      continue;
    }
    const fs::path group = hierarchies / fields[1] / path;
    for (const std::string& controller : Split(fields[1], ',')) {
      if (controller == "memory")
        take(ReadNumber(group / "memory.usage_in_bytes"), usage.memory_bytes);
      if (controller == "cpuacct") take(ReadNumber(group / "cpuacct.usage"), usage.cpu_usec, 1000);
      if (controller == "pids") take(ReadNumber(group / "pids.current"), usage.processes);
    }
  }
  return found ? std::optional(usage) : std::nullopt;
}

}  // namespace workmux::daemon
