#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/process/command.h"

namespace workmux::daemon {

// Unix sockets of this host that would give it away to a sandbox: container
// engines, the bus, agents for keys, tmux, by their usual places and by the caller's
// environment; whether they exist or not. Pure.
std::vector<std::filesystem::path> HostSockets(const Env& caller, uid_t uid);

}  // namespace workmux::daemon
