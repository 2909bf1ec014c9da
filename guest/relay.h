#pragma once

#include <string>
#include <string_view>

#include <absl/status/status.h>

namespace workmux::guest {

// Starts the relay that WM_RELAY's value asks for (relay_entries.h): 127.0.0.1 and,
// where the sandbox has it, ::1 accept connections on each port from the moment this
// returns, and a process of its own joins them to the sockets in `directory`. It is no
// child of the caller, has no terminal and none of the caller's descriptors; programs
// of the sandbox's user can end it but not look into it. `arguments` are those of this
// process, which the relay's must not show: who ends programs by what their command
// lines hold would end it too. Call in a process without threads. kFailedPrecondition
// when a port is taken.
absl::Status StartRelay(std::string_view entries, const std::string& directory,
                        char* const* arguments);

}  // namespace workmux::guest
