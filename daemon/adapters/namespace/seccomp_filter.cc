#include "daemon/adapters/namespace/seccomp_filter.h"

#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "common/base/status.h"
#include "common/base/unique_fd.h"

namespace workmux::daemon {
namespace {

struct Denied {
  int syscall;
  int error;
};

// ENOSYS where programs have another way that they then take.
constexpr auto kDenied = std::to_array<Denied>({
    {SCMP_SYS(io_uring_setup), ENOSYS},
    {SCMP_SYS(io_uring_enter), ENOSYS},
    {SCMP_SYS(io_uring_register), ENOSYS},
    {SCMP_SYS(userfaultfd), ENOSYS},
    {SCMP_SYS(bpf), EPERM},
    {SCMP_SYS(perf_event_open), EPERM},
    {SCMP_SYS(add_key), EPERM},
    {SCMP_SYS(keyctl), EPERM},
    {SCMP_SYS(request_key), EPERM},
    {SCMP_SYS(init_module), EPERM},
    {SCMP_SYS(finit_module), EPERM},
    {SCMP_SYS(delete_module), EPERM},
    {SCMP_SYS(kexec_load), EPERM},
    {SCMP_SYS(kexec_file_load), EPERM},
    {SCMP_SYS(open_by_handle_at), EPERM},
});

constexpr auto kDeniedIoctls = std::to_array<std::uint32_t>({TIOCSTI, TIOCLINUX});

struct ContextDeleter {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ContextDeleter>;

absl::Status Failed(int code, std::string_view what) {
  return Annotate(ErrnoStatus(-code, what), "seccomp filter");
}

absl::Status AddRules(scmp_filter_ctx context) {
  for (const Denied& denied : kDenied) {
    const int code = seccomp_rule_add(context, SCMP_ACT_ERRNO(static_cast<unsigned>(denied.error)),
                                      denied.syscall, 0);
    if (code != 0) return Failed(code, "seccomp_rule_add");
  }
  for (const std::uint32_t request : kDeniedIoctls) {
    // The kernel looks at the low 32 bits only; comparing all 64 would let the
    // same request through with a high bit set.
    const scmp_arg_cmp compare = {
        .arg = 1, .op = SCMP_CMP_MASKED_EQ, .datum_a = 0xffffffffu, .datum_b = request};
    const int code =
        seccomp_rule_add_array(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, &compare);
    if (code != 0) return Failed(code, "seccomp_rule_add(ioctl)");
  }
  return absl::OkStatus();
}

// libseccomp before 2.6 exports into a descriptor only.
absl::StatusOr<std::string> Export(scmp_filter_ctx context) {
  const UniqueFd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file.valid()) return ErrnoStatus(errno, "memfd_create");
  if (const int code = seccomp_export_bpf(context, file.get()); code != 0)
    return Failed(code, "seccomp_export_bpf");
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  if (size <= 0) return ErrnoStatus(errno, "lseek");
  std::string bytes(static_cast<std::size_t>(size), '\0');
  const ssize_t got = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  if (got != size) return ErrnoStatus(errno, "pread");
  return bytes;
}

}  // namespace

absl::StatusOr<std::string> BuildSeccompFilter() {
  const Context context(seccomp_init(SCMP_ACT_ALLOW));
  if (!context) return Internal("seccomp_init failed");
  // Calls of an ABI that no rule looks at (x32 among them) do not exist.
  if (const int code =
          seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
      code != 0) {
    return Failed(code, "seccomp_attr_set");
  }
  // 32-bit programs keep working, under the same rules.
  const std::uint32_t second = seccomp_arch_native() == SCMP_ARCH_X86_64    ? SCMP_ARCH_X86
                               : seccomp_arch_native() == SCMP_ARCH_AARCH64 ? SCMP_ARCH_ARM
                                                                            : 0;
  if (second != 0) {
    const int code = seccomp_arch_add(context.get(), second);
    if (code != 0 && code != -EEXIST) return Failed(code, "seccomp_arch_add");
  }
  WM_RETURN_IF_ERROR(AddRules(context.get()));
  return Export(context.get());
}

}  // namespace workmux::daemon
