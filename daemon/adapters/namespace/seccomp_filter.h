#pragma once

#include <absl/status/statusor.h>

#include <string>

namespace workmux::daemon {

// The system call filter of the namespace sandbox as the bytes of a BPF program
// (struct sock_filter[], seccomp(2)), for bwrap's --seccomp. Everything is
// allowed but:
//  - ioctl TIOCSTI and TIOCLINUX, which would type into the person's terminal
//    that the sandbox shares (EPERM);
//  - kernel interfaces with a long record of holes and no use for an agent:
//    io_uring, bpf, keyrings, perf events, userfaultfd, kernel modules and
//    kexec (ENOSYS or EPERM).
// clone and unshare stay allowed: agents and browsers sandbox their own children
// with user namespaces, and what those can mount cannot undo our mounts.
absl::StatusOr<std::string> BuildSeccompFilter();

}  // namespace workmux::daemon
