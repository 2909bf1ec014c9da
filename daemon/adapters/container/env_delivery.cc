#include "daemon/adapters/container/env_delivery.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/base/status.h"

namespace workmux::daemon {
namespace {

// The client reads its file with a Go bufio.Scanner, whose lines end at 64 KiB.
constexpr std::size_t kMaxFileValue = 32u << 10;

// Variables that the client, its Go runtime or its transports obey.
constexpr auto kClientNames = std::to_array<std::string_view>(
    {"PATH", "HOME", "SSH_AUTH_SOCK", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
     "http_proxy", "https_proxy", "all_proxy", "no_proxy", "TMPDIR", "GODEBUG", "GOTRACEBACK",
     "GOMAXPROCS"});
constexpr auto kClientPrefixes = std::to_array<std::string_view>(
    {"LD_", "DOCKER_", "CONTAINER", "XDG_", "SSL_CERT_", "BUILDKIT_", "OTEL_"});

bool ClientObeys(std::string_view name) {
  return std::find(kClientNames.begin(), kClientNames.end(), name) != kClientNames.end() ||
         std::any_of(kClientPrefixes.begin(), kClientPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

// Bytes beyond ASCII are only kept out of the file when they are no UTF-8
// (RFC 3629), which the client refuses there.
bool IsUtf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xc2 ? 0
                               : lead < 0xe0 ? 2
                               : lead < 0xf0 ? 3
                               : lead < 0xf5 ? 4
                                             : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      // Overlong forms, surrogates and code points above U+10FFFF.
      const unsigned low = k > 1 ? 0x80u : lead == 0xe0 ? 0xa0u : lead == 0xf0 ? 0x90u : 0x80u;
      const unsigned high = k > 1 ? 0xbfu : lead == 0xed ? 0x9fu : lead == 0xf4 ? 0x8fu : 0xbfu;
      if (next < low || next > high) return false;
    }
    i += length;
  }
  return true;
}

bool FitsFile(std::string_view value) {
  return value.size() <= kMaxFileValue && value.find_first_of("\n\r") == std::string_view::npos &&
         IsUtf8(value);
}

// A line of the file that starts with '#' or has no '=' means something else.
bool IsPlainName(std::string_view name) {
  return !name.empty() && name[0] != '#' &&
         name.find_first_of("= \t\r\n") == std::string_view::npos;
}

}  // namespace

absl::StatusOr<EnvDelivery> DeliverEnv(const Env& env, std::string_view descriptors,
                                       int file_number) {
  EnvDelivery delivery;
  delivery.file.number = file_number;
  delivery.arguments = {"--env-file", Format("{}/{}", descriptors, file_number)};
  for (const auto& [name, value] : env) {
    if (!IsPlainName(name)) return InvalidArgument("a variable of the sandbox has no plain name");
    if (FitsFile(value)) {
      delivery.file.content += name + "=" + value + "\n";
      continue;
    }
    if (ClientObeys(name)) {
      return WithHint(
          WithReason(
              InvalidArgument(
                  "the value of {} holds line breaks or other bytes that cannot be passed", name),
              "ENV_VALUE_REFUSED"),
          Format("Give {} a value of one line of plain text.", name));
    }
    delivery.arguments.emplace_back("-e");
    delivery.arguments.push_back(name);
    delivery.client_env[name] = value;
  }
  return delivery;
}

}  // namespace workmux::daemon
