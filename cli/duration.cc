#include "cli/duration.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::cli {
namespace {

constexpr std::int64_t kMost = std::int64_t{366} * 24 * 3600;

std::int64_t SecondsIn(char unit) {
  switch (unit) {
    case 's':
      return 1;
    case 'm':
      return 60;
    case 'h':
      return 3600;
    case 'd':
      return 24 * 3600;
    default:
      return 0;
  }
}

}  // namespace

absl::StatusOr<std::int64_t> ParseDuration(std::string_view text) {
  const std::int64_t unit = text.empty() ? 0 : SecondsIn(text.back());
  const std::string_view digits = text.substr(0, text.empty() ? 0 : text.size() - 1);
  const bool plain = !digits.empty() && std::all_of(digits.begin(), digits.end(),
                                                    [](char c) { return c >= '0' && c <= '9'; });
  long long number = 0;
  if (unit == 0 || !plain || !ParseInt(digits, number) || number < 1) {
    return WithHint(InvalidArgument("'{}' is no duration", Printable(text)),
                    "write a number and s, m, h or d, such as 90s, 15m, 1h or 2d");
  }
  if (number > kMost / unit) return InvalidArgument("'{}' is longer than a year", Printable(text));
  return number * unit;
}

}  // namespace workmux::cli
