#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "daemon/ports/sandbox_backend.h"

namespace workmux::daemon {

// What the control group of a process uses, cgroups(7), version 1 or 2; nothing
// when the process or the group's files are gone. `root` is the file system's, for
// tests. Starts no process.
std::optional<SandboxUsage> ReadCgroupUsage(pid_t pid, const std::filesystem::path& root = "/");

}  // namespace workmux::daemon
