#include "daemon/verify/capabilities.h"

#include <array>

#include "common/base/ascii_case.h"
#include "common/base/format.h"

namespace workmux::daemon {
namespace {

// linux/capability.h; the index is the number of the bit.
constexpr auto kNames = std::to_array<std::string_view>({"chown",
                                                         "dac_override",
                                                         "dac_read_search",
                                                         "fowner",
                                                         "fsetid",
                                                         "kill",
                                                         "setgid",
                                                         "setuid",
                                                         "setpcap",
                                                         "linux_immutable",
                                                         "net_bind_service",
                                                         "net_broadcast",
                                                         "net_admin",
                                                         "net_raw",
                                                         "ipc_lock",
                                                         "ipc_owner",
                                                         "sys_module",
                                                         "sys_rawio",
                                                         "sys_chroot",
                                                         "sys_ptrace",
                                                         "sys_pacct",
                                                         "sys_admin",
                                                         "sys_boot",
                                                         "sys_nice",
                                                         "sys_resource",
                                                         "sys_time",
                                                         "sys_tty_config",
                                                         "mknod",
                                                         "lease",
                                                         "audit_write",
                                                         "audit_control",
                                                         "setfcap",
                                                         "mac_override",
                                                         "mac_admin",
                                                         "syslog",
                                                         "wake_alarm",
                                                         "block_suspend",
                                                         "audit_read",
                                                         "perfmon",
                                                         "bpf",
                                                         "checkpoint_restore"});

}  // namespace

std::optional<std::uint64_t> CapabilityBit(std::string_view name) {
  std::string plain;
  for (const char c : name) plain += LowerAscii(c);
  if (plain.starts_with("cap_")) plain.erase(0, 4);
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == plain) return std::uint64_t{1} << i;
  }
  return std::nullopt;
}

std::string CapabilityNames(std::uint64_t bits) {
  if (bits == 0) return "none";
  std::string names;
  const auto add = [&names](const std::string& name) {
    if (!names.empty()) names += ", ";
    names += name;
  };
  std::uint64_t unnamed = bits;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const std::uint64_t bit = std::uint64_t{1} << i;
    if ((bits & bit) == 0) continue;
    unnamed &= ~bit;
    add(Format("cap_{}", kNames[i]));
  }
  if (unnamed != 0) add(Format("{:#x}", unnamed));
  return names;
}

}  // namespace workmux::daemon
