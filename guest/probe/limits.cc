#include <cstdint>
#include <limits>
#include <optional>

#include "common/base/strings.h"
#include "guest/probe/collectors.h"

namespace workmux::guest {
namespace {

constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();
// Version 1 writes the greatest number of pages for no limit.
constexpr std::uint64_t kNoLimit = 1ull << 62;
constexpr char kRoot[] = "/sys/fs/cgroup/";

std::optional<std::uint64_t> Number(std::string_view text) {
  text = Trim(text);
  long long number = 0;
  if (text == "max" || text == "-1") return kUnlimited;
  if (!ParseInt(text, number) || number < 0) return std::nullopt;
  const auto value = static_cast<std::uint64_t>(number);
  return value >= kNoLimit ? kUnlimited : value;
}

std::optional<std::uint64_t> Read(std::string_view name) {
  std::string text;
  return ReadProcFile(kRoot + std::string(name), text) ? Number(text) : std::nullopt;
}

void AddMemory(v1::ProbeReport::Limits& limits) {
  if (const auto memory = Read("memory.max")) {
    limits.set_memory(*memory);
    if (const auto swap = Read("memory.swap.max")) {
      const bool endless = *memory == kUnlimited || *swap == kUnlimited;
      limits.set_memory_and_swap(endless ? kUnlimited : *memory + *swap);
    }
    return;
  }
  if (const auto memory = Read("memory/memory.limit_in_bytes")) limits.set_memory(*memory);
  // Without swap accounting the file does not exist.
  if (const auto both = Read("memory/memory.memsw.limit_in_bytes"))
    limits.set_memory_and_swap(*both);
}

void AddCpu(v1::ProbeReport::Limits& limits) {
  std::string text;
  std::optional<std::uint64_t> quota;
  std::optional<std::uint64_t> period;
  if (ReadProcFile(kRoot + std::string("cpu.max"), text)) {
    const std::vector<std::string> fields = Split(Trim(text), ' ');
    if (fields.size() == 2) {
      quota = Number(fields[0]);
      period = Number(fields[1]);
    }
  } else {
    quota = Read("cpu/cpu.cfs_quota_us");
    period = Read("cpu/cpu.cfs_period_us");
  }
  if (!quota || !period) return;
  limits.set_cpu_microseconds(*quota);
  limits.set_cpu_period(*period);
}

}  // namespace

void AddLimits(v1::ProbeReport& report) {
  v1::ProbeReport::Limits& limits = *report.mutable_limits();
  auto processes = Read("pids.max");
  if (!processes) processes = Read("pids/pids.max");
  if (processes) limits.set_processes(*processes);
  AddMemory(limits);
  AddCpu(limits);
}

}  // namespace workmux::guest
