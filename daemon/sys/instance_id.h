#pragma once

#include <filesystem>
#include <string>

#include <absl/status/statusor.h>

namespace workmux::daemon {

// The name of the daemon that owns this state directory, made once and kept in
// it: 16 random hexadecimal digits. Not derived from the path, which daemons on
// several machines with one engine have in common: each would take the others'
// sandboxes for orphans of its own.
absl::StatusOr<std::string> InstanceId(const std::filesystem::path& state_dir);

}  // namespace workmux::daemon
