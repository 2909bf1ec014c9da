#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "daemon/verify/compare.h"

namespace workmux::daemon {
namespace {

using guest::v1::Way;
using state::v1::Expectation;
using Report = guest::v1::ProbeReport;

constexpr std::uint32_t kDns = 53;
constexpr std::uint32_t kHttps = 443;

// Nobody's (RFC 5737, RFC 3849); of resolvers on loopback, Docker's and systemd's.
constexpr auto kOutside = std::to_array<std::string_view>({"198.51.100.1", "2001:db8::1"});
constexpr auto kResolvers = std::to_array<std::string_view>({"127.0.0.11", "127.0.0.53"});

// What listens on many hosts: ssh, DNS, web, portmapper, printing, engines' APIs, databases.
constexpr auto kServices =
    std::to_array<std::uint32_t>({22, 53, 80, 111, 443, 631, 2375, 2376, 3306, 5432, 6379, 8080});

bool Same(const Way& a, const Way& b) {
  return a.datagram() == b.datagram() && a.address() == b.address() && a.port() == b.port();
}

bool IsOpen(const Expectation& expectation, const Way& way) {
  const auto& ports = expectation.firewall().ports();
  return !way.datagram() && way.address() == expectation.firewall().address() &&
         std::find(ports.begin(), ports.end(), way.port()) != ports.end();
}

}  // namespace

void AddWays(const Expectation& expectation, guest::v1::ProbeRequest& request) {
  if (!expectation.has_firewall()) return;
  const auto add = [&request](std::string_view address, std::uint32_t port, bool datagram) {
    Way& way = *request.add_ways();
    way.set_address(std::string(address));
    way.set_port(port);
    way.set_datagram(datagram);
  };
  const std::string& host = expectation.firewall().address();
  for (const std::string_view address : kOutside) {
    add(address, kDns, true);
    add(address, kHttps, false);
  }
  for (const std::string_view address : kResolvers) {
    add(address, kDns, true);
    add(address, kDns, false);
  }
  add(host, kDns, true);
  for (const std::uint32_t port : kServices) add(host, port, false);
  for (const std::uint32_t port : expectation.firewall().ports()) add(host, port, false);
}

void CompareFirewall(const Expectation& expectation, const Report& report,
                     std::vector<Difference>& differences) {
  guest::v1::ProbeRequest request;
  AddWays(expectation, request);
  const auto& passages = report.network().passages();
  for (const Way& way : request.ways()) {
    const auto passage = std::find_if(passages.begin(), passages.end(),
                                      [&](const auto& one) { return Same(one.way(), way); });
    const bool tried = passage != passages.end();
    const bool open = IsOpen(expectation, way);
    if (tried && (passage->error() == 0) == open) continue;
    const std::string what =
        Format("{} port {} of {}", way.datagram() ? "UDP" : "TCP", way.port(), way.address());
    const std::string found = !tried                  ? std::string("not tried")
                              : passage->error() != 0 ? std::strerror(passage->error())
                                                      : std::string("it is reached");
    differences.push_back({std::string(kNetworkDefence),
                           Format("{}: {}", what, open ? "answers" : "out of reach"), found});
  }
}

}  // namespace workmux::daemon
