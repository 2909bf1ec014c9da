#include "daemon/adapters/tmux/status_format.h"

#include <algorithm>
#include <array>

namespace workmux::daemon {
namespace {

constexpr std::string_view kIconPart = "#{?@workmux_status, #{@workmux_status},}";
constexpr auto kFlagParts =
    std::to_array<std::string_view>({"#{window_flags", "#{?window_flags", "#{F}", "#F"});
constexpr std::size_t kMaxIconBytes = 64;

// The length of a style code that starts at text[0] == '#', or 0.
std::size_t StyleLength(std::string_view text) {
  if (!text.starts_with("#[")) return 0;
  const auto end = text.find_first_not_of(
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=,-_# ", 2);
  if (end == std::string_view::npos || text[end] != ']') return 0;
  // "#" is for colours (#rrggbb), which no bracket follows.
  return end + 1;
}

}  // namespace

std::string WithStatusIcon(std::string_view format) {
  std::string out(format);
  if (format.find("@workmux_status") != std::string_view::npos) return out;
  std::size_t at = out.size();
  for (const std::string_view part : kFlagParts) at = std::min(at, out.find(part));
  return out.insert(at, kIconPart);
}

std::string ReduceIcon(std::string_view icon) {
  std::string out;
  while (!icon.empty()) {
    const std::size_t style = StyleLength(icon);
    std::size_t length = std::max<std::size_t>(style, 1);
    const auto c = static_cast<unsigned char>(icon.front());
    if (c >= 0xC0) {
      while (length < icon.size() && (static_cast<unsigned char>(icon[length]) & 0xC0) == 0x80)
        ++length;
    }
    if (out.size() + length > kMaxIconBytes) break;
    const bool harmless = c >= 0x20 && c != 0x7F && c != '#';
    if (style > 0 || harmless) out += icon.substr(0, length);
    icon.remove_prefix(length);
  }
  return out;
}

}  // namespace workmux::daemon
