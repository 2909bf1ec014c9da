#include "daemon/egress/host_name.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::egress {
namespace {

constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxLabel = 63;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return c >= 'a' && c <= 'z'; }
bool IsHex(char c) { return IsDigit(c) || (c >= 'a' && c <= 'f'); }

// "ends in a number", https://url.spec.whatwg.org/#ends-in-a-number-checker: then the
// whole is an IPv4 address to somebody, or nothing.
bool IsNumber(std::string_view label) {
  if (std::all_of(label.begin(), label.end(), IsDigit)) return true;
  return label.starts_with("0x") && std::all_of(label.begin() + 2, label.end(), IsHex);
}

absl::Status CheckLabel(std::string_view label) {
  if (label.empty()) return InvalidArgument("has an empty label");
  if (label.size() > kMaxLabel) return InvalidArgument("has a label of more than 63 characters");
  const bool plain = std::all_of(label.begin(), label.end(), [](char c) {
    return IsLetter(c) || IsDigit(c) || c == '-' || c == '_';
  });
  if (!plain) return InvalidArgument("holds other characters than letters, digits and hyphens");
  if (label.front() == '-' || label.back() == '-')
    return InvalidArgument("has a label that begins or ends with a hyphen");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> NormalHost(std::string_view text) {
  std::string host(text);
  if (host.ends_with('.')) host.pop_back();
  if (host.empty()) return InvalidArgument("is empty");
  if (host.size() > kMaxName) return InvalidArgument("is longer than 253 characters");
  if (host.find(':') != std::string::npos || host.front() == '[')
    return InvalidArgument("is an address or has a port");
  std::transform(host.begin(), host.end(), host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  std::string_view last;
  for (std::size_t at = 0; at <= host.size();) {
    const std::size_t end = std::min(host.find('.', at), host.size());
    last = std::string_view(host).substr(at, end - at);
    WM_RETURN_IF_ERROR(CheckLabel(last));
    at = end + 1;
  }
  if (IsNumber(last)) return InvalidArgument("is an address");
  return host;
}

}  // namespace workmux::egress
