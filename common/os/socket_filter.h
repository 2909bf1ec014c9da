#pragma once

#include <linux/filter.h>

#include <vector>

namespace workmux {

// What a sandbox with a restricted network may make sockets of, as a program for
// seccomp(2). A network namespace does not hold every family: AF_VSOCK reaches the
// machine's own host, and others are code of the kernel that no agent needs.
//  - socket and socketpair: AF_UNIX, AF_INET, AF_INET6, and AF_NETLINK for routes,
//    which the C library asks for addresses; everything else fails with EAFNOSUPPORT.
//    Only the low half of an argument counts, as for the kernel.
//  - io_uring_setup, which makes sockets by no call of their own: ENOSYS.
//  - calls of other ABIs: the same for 32-bit programs, but for i386's socketcall, whose
//    arguments no filter sees (ENOSYS); x32 and the rest do not exist (ENOSYS).
// Empty on an architecture that it does not know.
std::vector<sock_filter> SocketFilter();

}  // namespace workmux
