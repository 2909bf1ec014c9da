#include "guest/relay_entries.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::guest {
namespace {

bool IsFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

}  // namespace

absl::StatusOr<std::vector<RelayEntry>> ParseRelayEntries(std::string_view text) {
  std::vector<RelayEntry> entries;
  for (const std::string& piece : Split(text, '\t')) {
    const std::size_t equals = piece.find('=');
    long long port = 0;
    const bool valid = equals != std::string::npos && ParseInt(piece.substr(0, equals), port) &&
                       port > 0 && port <= 65535 && IsFileName(piece.substr(equals + 1));
    const bool twice = std::any_of(entries.begin(), entries.end(),
                                   [port](const RelayEntry& entry) { return entry.port == port; });
    if (!valid || twice) return InvalidArgument("WM_RELAY: not understood: {}", Printable(piece));
    entries.push_back({static_cast<std::uint16_t>(port), piece.substr(equals + 1)});
  }
  return entries;
}

}  // namespace workmux::guest
