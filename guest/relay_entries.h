#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

namespace workmux::guest {

// A port of the sandbox's own loopback that stands for a socket of the host's.
struct RelayEntry {
  std::uint16_t port = 0;
  std::string socket;  // a file's name in the directory that is mounted for them
  bool operator==(const RelayEntry&) const = default;
};

// WM_RELAY: "PORT=NAME", separated by tabs. kInvalidArgument for anything else, a port
// that stands there twice, and none at all.
absl::StatusOr<std::vector<RelayEntry>> ParseRelayEntries(std::string_view text);

}  // namespace workmux::guest
