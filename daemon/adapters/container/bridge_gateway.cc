#include "daemon/adapters/container/bridge_gateway.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>

#include "common/base/status.h"

namespace workmux::daemon {
namespace {

using nlohmann::json;

constexpr char kBridgeName[] = "com.docker.network.bridge.name";

// Docker: {"IPAM": {"Config": [{"Gateway": …}]}}, Podman: {"subnets": [{"gateway": …}]}.
std::vector<std::string> GatewaysIn(const json& network) {
  std::vector<std::string> gateways;
  const auto add = [&](const json& entries, const char* key) {
    if (!entries.is_array()) return;
    for (const json& entry : entries) {
      if (entry.is_object() && entry.contains(key) && entry[key].is_string())
        gateways.push_back(entry[key]);
    }
  };
  if (network.contains("IPAM") && network["IPAM"].is_object() &&
      network["IPAM"].contains("Config")) {
    add(network["IPAM"]["Config"], "Gateway");
  }
  if (network.contains("subnets")) add(network["subnets"], "gateway");
  return gateways;
}

std::string InterfaceIn(const json& network) {
  if (network.contains("Options") && network["Options"].is_object() &&
      network["Options"].contains(kBridgeName) && network["Options"][kBridgeName].is_string()) {
    return network["Options"][kBridgeName];
  }
  if (network.contains("network_interface") && network["network_interface"].is_string()) {
    return network["network_interface"];
  }
  return {};
}

}  // namespace

absl::StatusOr<std::vector<InterfaceAddress>> LocalAddresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return ErrnoStatus(errno, "getifaddrs");
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  std::vector<InterfaceAddress> addresses;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
    char text[INET_ADDRSTRLEN] = {};
    const auto* address = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text) == nullptr) continue;
    addresses.push_back({entry->ifa_name, text});
  }
  return addresses;
}

absl::StatusOr<std::string> GatewayFrom(std::string_view text,
                                        const std::vector<InterfaceAddress>& local) {
  json network = json::parse(text, nullptr, /*allow_exceptions=*/false);
  // Podman formats the list of what was asked for, also when that is one.
  if (network.is_array() && network.size() == 1) network = json(network[0]);
  if (!network.is_object()) return DataLoss("the engine's description is not understood");
  for (const std::string& gateway : GatewaysIn(network)) {
    const bool ours = std::any_of(local.begin(), local.end(), [&](const InterfaceAddress& entry) {
      return entry.address == gateway;
    });
    if (ours) return gateway;
  }
  const std::string interface = InterfaceIn(network);
  for (const InterfaceAddress& entry : local) {
    if (!interface.empty() && entry.interface == interface) return entry.address;
  }
  return WithReason(FailedPrecondition("no address of this host belongs to it"),
                    "BRIDGE_ADDRESS_UNKNOWN");
}

}  // namespace workmux::daemon
