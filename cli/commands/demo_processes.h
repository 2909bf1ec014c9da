#pragma once

#include <absl/status/statusor.h>
#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace workmux::cli {

// Living processes (no zombies) with exactly these arguments, of every user and
// pid namespace that this one can see; proc(5), /proc/PID/cmdline.
absl::StatusOr<std::vector<pid_t>> ProcessesRunning(const std::vector<std::string>& argv);

// Living processes but this one whose arguments, environment or directory name
// `path`. Those of other users whose environment may not be read count by their
// arguments alone.
absl::StatusOr<std::vector<pid_t>> ProcessesNaming(std::string_view path);

}  // namespace workmux::cli
