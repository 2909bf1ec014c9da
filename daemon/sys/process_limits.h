#pragma once

namespace workmux::daemon {

// Once, at the start of the daemon. Nobody but root may look into its memory,
// which holds tokens and callers' environments: no core file, no ptrace(2), no
// /proc/PID/{environ,fd,mem} for others of this user (prctl(2), PR_SET_DUMPABLE).
void ForbidInspection();

// Raises the soft limit of descriptors: each sandbox has sockets, pipes and
// connections. Children inherit it, so it stays moderate.
void RaiseDescriptorLimit();

}  // namespace workmux::daemon
