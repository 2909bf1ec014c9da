#pragma once

#include <sys/types.h>

#include <vector>

namespace workmux::cli {

// `root` and all that descends from it now, parents first; proc(5),
// /proc/PID/task/TID/children.
std::vector<pid_t> ProcessTree(pid_t root);

void SignalTree(pid_t root, int signal);

}  // namespace workmux::cli
