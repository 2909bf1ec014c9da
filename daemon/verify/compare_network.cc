#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "common/base/format.h"
#include "common/base/strings.h"
#include "daemon/verify/compare.h"

namespace workmux::daemon {
namespace {

using state::v1::Expectation;
using Report = guest::v1::ProbeReport;

constexpr std::string_view kAlone = "loopback alone";
constexpr std::string_view kFamilies = "sockets of the restricted families";
constexpr std::string_view kUnseen = "not to be seen";

// Tunnels that the kernel makes in each network namespace once their module is loaded:
// Documentation/admin-guide/sysctl/net.rst, fb_tunnels_only_for_init_net. They are down.
constexpr auto kFallbackTunnels = std::to_array<std::string_view>(
    {"tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "sit0", "ip6_vti0", "ip6tnl0", "ip6gre0"});

// common/os/socket_filter.h
constexpr auto kAllowed = std::to_array<std::uint32_t>({AF_UNIX, AF_INET, AF_INET6, AF_NETLINK});
// The namespace backend's own, and that of sockets.
constexpr std::uint32_t kOutside = 2;

template <class Range, class Value>
bool Holds(const Range& range, const Value& value) {
  return std::find(std::begin(range), std::end(range), value) != std::end(range);
}

void CompareInterfaces(const Report::Network& network, std::vector<Difference>& all) {
  const auto add = [&](std::string found) {
    all.push_back({std::string(kNetworkDefence), std::string(kAlone), std::move(found)});
  };
  bool loopback = false;
  for (const Report::Interface& seen : network.interfaces()) {
    loopback = loopback || seen.name() == "lo";
    if (seen.name() == "lo" || (Holds(kFallbackTunnels, seen.name()) && !seen.routed())) continue;
    add(Format("the interface {}", Printable(seen.name())));
  }
  // There is one in every network, so this is no answer.
  if (!loopback) add(std::string(kUnseen));
}

// Kernels before 5.9 do not tell; then there is at least one (CompareProcess).
void CompareFilters(const Expectation& expectation, const Report& report,
                    std::vector<Difference>& all) {
  std::uint32_t least = expectation.outside_probe() ? kOutside : 0;
  // Inside the probe has what the command gets; the first process must not have less.
  for (const Report::Process& process : report.processes()) {
    if (!expectation.outside_probe() && process.pid() != 1)
      least = std::max(least, process.seccomp_filters());
  }
  // The guest program adds one of its own to what a backend gives all processes.
  least = std::min(least, kOutside);
  for (const Report::Process& process : report.processes()) {
    if (!process.has_seccomp_filters() || process.seccomp_filters() >= least) continue;
    all.push_back({std::string(kNetworkDefence), "a filter of sockets",
                   Format("none in process {}", process.pid())});
  }
}

void CompareSockets(const Report::Network& network, std::vector<Difference>& all) {
  const auto add = [&](std::string found) {
    all.push_back({std::string(kNetworkDefence), std::string(kFamilies), std::move(found)});
  };
  for (const std::uint32_t family : network.families()) {
    if (!Holds(kAllowed, family)) add(Format("family {} exists", family));
  }
  for (const std::uint32_t protocol : network.netlink()) {
    if (protocol != NETLINK_ROUTE) add(Format("netlink protocol {} exists", protocol));
  }
  // The probe itself may have come through one.
  if (!Holds(network.families(), std::uint32_t{AF_UNIX})) add(std::string(kUnseen));
}

}  // namespace

void CompareNetwork(const Expectation& expectation, const Report& report,
                    std::vector<Difference>& differences) {
  if (!expectation.isolated() && !expectation.socket_filter()) return;
  if (!report.has_network()) {
    differences.push_back(
        {std::string(kNetworkDefence), std::string(kAlone), std::string(kUnseen)});
    return;
  }
  if (expectation.isolated()) CompareInterfaces(report.network(), differences);
  if (!expectation.socket_filter()) return;
  CompareFilters(expectation, report, differences);
  if (!expectation.outside_probe()) CompareSockets(report.network(), differences);
}

}  // namespace workmux::daemon
