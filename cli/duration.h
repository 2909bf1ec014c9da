#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string_view>

namespace workmux::cli {

// "90s", "15m", "1h", "2d": a whole number from 1 on and one unit, in seconds.
absl::StatusOr<std::int64_t> ParseDuration(std::string_view text);

}  // namespace workmux::cli
