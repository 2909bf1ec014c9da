#pragma once

#include <absl/status/status.h>

namespace workmux::guest {

// This thread and what it starts make sockets of a few families only, for ever
// (common/os/socket_filter.h), and win no privileges with a program (seccomp(2) asks
// for that).
absl::Status RestrictSockets();

}  // namespace workmux::guest
