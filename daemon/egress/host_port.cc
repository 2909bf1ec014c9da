#include "daemon/egress/host_port.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::egress {
namespace {

constexpr std::size_t kMaxName = 31;
// ip(7), ip_unprivileged_port_start: below it nobody in a sandbox may listen.
constexpr std::uint16_t kFirstPort = 1024;

bool IsName(std::string_view name) {
  const auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= kMaxName && is_alnum(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_alnum(c) || c == '-'; });
}

}  // namespace

absl::Status CheckHostPort(const HostPort& service) {
  if (!IsName(service.name)) {
    return InvalidArgument("\"{}\" is not a name of lower-case letters, digits and hyphens",
                           Printable(service.name));
  }
  if (service.port < kFirstPort) {
    return InvalidArgument("port {} cannot be opened inside a sandbox, where ports begin at {}",
                           service.port, kFirstPort);
  }
  if (service.port == kRelayProxyPort || service.port == kRelayBridgePort) {
    return InvalidArgument("port {} of a sandbox's loopback is used by workmux itself",
                           service.port);
  }
  return absl::OkStatus();
}

std::string SocketNameOf(const HostPort& service) { return Format("port-{}.sock", service.name); }

std::string HostPortsToText(const std::vector<HostPort>& services) {
  std::vector<std::string> lines;
  for (const HostPort& service : services)
    lines.push_back(Format("{} {}", service.port, service.name));
  return Join(lines, "\n");
}

absl::StatusOr<std::vector<HostPort>> HostPortsFromText(std::string_view text) {
  std::vector<HostPort> services;
  if (text.empty()) return services;
  for (const std::string& line : Split(text, '\n')) {
    const std::size_t space = line.find(' ');
    long long port = 0;
    const bool valid = space != std::string::npos && ParseInt(line.substr(0, space), port) &&
                       port > 0 && port <= 65535;
    HostPort service;
    if (valid) service = {line.substr(space + 1), static_cast<std::uint16_t>(port)};
    if (!valid || !CheckHostPort(service).ok())
      return DataLoss("a service of the host is not understood");
    services.push_back(std::move(service));
  }
  return services;
}

}  // namespace workmux::egress
