#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

namespace workmux::daemon {

struct InterfaceAddress {
  std::string interface;
  std::string address;  // numeric IPv4
};

// IPv4 addresses of this host's interfaces.
absl::StatusOr<std::vector<InterfaceAddress>> LocalAddresses();

// The host's address in a bridge network, from the engine's description of the
// network (JSON of one network, Docker's or Podman's form). An engine leaves the
// gateway out when it chose the subnet itself and was not restarted since: then
// it is the address of the bridge's interface. Pure. BRIDGE_ADDRESS_UNKNOWN when
// no such address is this host's own, as with an engine in a virtual machine or
// a network namespace of its own.
absl::StatusOr<std::string> GatewayFrom(std::string_view json,
                                        const std::vector<InterfaceAddress>& local);

}  // namespace workmux::daemon
