#include "common/os/socket_filter.h"

#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>

namespace workmux {
namespace {

// Numbers of one ABI's calls; 0: it has none such.
struct Abi {
  std::uint32_t architecture;
  std::uint32_t socket;
  std::uint32_t socketpair;
  std::uint32_t io_uring_setup;
  std::uint32_t socketcall;
  std::uint32_t foreign;  // from here on they belong to an ABI of the same architecture
};

// arch/x86/entry/syscalls/syscall_{64,32}.tbl, include/uapi/asm-generic/unistd.h,
// arch/arm/tools/syscall.tbl of the kernel.
#if defined(__x86_64__)
constexpr Abi kAbis[] = {{AUDIT_ARCH_X86_64, 41, 53, 425, 0, 0x40000000},
                         {AUDIT_ARCH_I386, 359, 360, 425, 102, 0}};
#elif defined(__aarch64__)
constexpr Abi kAbis[] = {{AUDIT_ARCH_AARCH64, 198, 199, 425, 0, 0},
                         {AUDIT_ARCH_ARM, 281, 288, 425, 102, 0}};
#else
constexpr std::span<const Abi> kAbis;
#endif

constexpr std::uint32_t Low(std::size_t argument) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  constexpr std::size_t kLow = 4;
#else
  constexpr std::size_t kLow = 0;
#endif
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * argument + kLow);
}

constexpr std::uint32_t Fail(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

using Program = std::vector<sock_filter>;

void Load(Program& program, std::uint32_t offset) {
  program.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, offset});
}
void Return(Program& program, std::uint32_t verdict) {
  program.push_back({BPF_RET | BPF_K, 0, 0, verdict});
}
// Where the test holds it skips `skipped` instructions.
void SkipIf(Program& program, std::uint16_t test, std::uint32_t value, std::size_t skipped) {
  program.push_back({static_cast<std::uint16_t>(BPF_JMP | test | BPF_K),
                     static_cast<std::uint8_t>(skipped), 0, value});
}
// The verdict when the accumulator is `value`, else on.
void ReturnIf(Program& program, std::uint32_t value, std::uint32_t verdict) {
  program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value});
  Return(program, verdict);
}

Program FamilyCheck() {
  Program check;
  Load(check, Low(0));
  for (const std::uint32_t family :
       std::initializer_list<std::uint32_t>{AF_UNIX, AF_INET, AF_INET6})
    ReturnIf(check, family, SECCOMP_RET_ALLOW);
  SkipIf(check, BPF_JEQ, AF_NETLINK, 1);
  Return(check, Fail(EAFNOSUPPORT));
  Load(check, Low(2));
  ReturnIf(check, NETLINK_ROUTE, SECCOMP_RET_ALLOW);
  Return(check, Fail(EAFNOSUPPORT));
  return check;
}

Program CallsOf(const Abi& abi) {
  Program calls;
  Load(calls, offsetof(seccomp_data, nr));
  ReturnIf(calls, abi.io_uring_setup, Fail(ENOSYS));
  if (abi.socketcall != 0) ReturnIf(calls, abi.socketcall, Fail(ENOSYS));
  if (abi.foreign != 0) {
    calls.push_back({BPF_JMP | BPF_JGE | BPF_K, 0, 1, abi.foreign});
    Return(calls, Fail(ENOSYS));
  }
  SkipIf(calls, BPF_JEQ, abi.socket, 2);
  SkipIf(calls, BPF_JEQ, abi.socketpair, 1);
  Return(calls, SECCOMP_RET_ALLOW);
  const Program check = FamilyCheck();
  calls.insert(calls.end(), check.begin(), check.end());
  return calls;
}

}  // namespace

std::vector<sock_filter> SocketFilter() {
  Program program;
  if (std::empty(kAbis)) return program;
  for (const Abi& abi : kAbis) {
    Load(program, offsetof(seccomp_data, arch));
    const Program calls = CallsOf(abi);
    program.push_back(
        {BPF_JMP | BPF_JEQ | BPF_K, 0, static_cast<std::uint8_t>(calls.size()), abi.architecture});
    program.insert(program.end(), calls.begin(), calls.end());
  }
  Return(program, Fail(ENOSYS));
  return program;
}

}  // namespace workmux
