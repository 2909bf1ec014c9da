#pragma once

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace workmux::daemon {

// "512m", "1.5g" or "4096" in bytes, as docker/go-units' RAMInBytes has it; for
// text that the configuration's reader accepted.
inline std::uint64_t ByteSize(const std::string& size) {
  constexpr double kMost = 1e18;  // fits, and no machine has as much
  double bytes = 0;
  const char* end = size.data() + size.size();
  const char* unit = std::from_chars(size.data(), end, bytes).ptr;
  if (unit != end) {
    const auto power = std::string_view("kmgtp").find(
        static_cast<char>(std::tolower(static_cast<unsigned char>(*unit))));
    for (std::size_t i = 0; power != std::string_view::npos && i <= power; ++i) bytes *= 1024;
  }
  return static_cast<std::uint64_t>(std::min(bytes, kMost));
}

}  // namespace workmux::daemon
