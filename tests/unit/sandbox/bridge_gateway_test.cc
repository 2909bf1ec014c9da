#include "daemon/adapters/container/bridge_gateway.h"

#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

const std::vector<InterfaceAddress> kLocal = {
    {"lo", "127.0.0.1"}, {"docker0", "172.17.0.1"}, {"podman0", "10.88.0.1"}};

}  // namespace

TEST_CASE("BridgeGateway: the host's address is told by the engine or by the bridge's interface") {
  CHECK(test::Must(GatewayFrom(
            R"({"IPAM":{"Config":[{"Gateway":"fe80::1"},{"Gateway":"172.17.0.1"}]}})", kLocal)) ==
        "172.17.0.1");
  CHECK(test::Must(GatewayFrom(R"({"IPAM":{"Config":[{"Subnet":"172.17.0.0/16"}]},)"
                               R"("Options":{"com.docker.network.bridge.name":"docker0"}})",
                               kLocal)) == "172.17.0.1");
  CHECK(test::Must(GatewayFrom(
            R"({"subnets":[{"gateway":"10.88.0.1"}],"network_interface":"podman0"})", kLocal)) ==
        "10.88.0.1");
  // Podman 4.3, also when it is asked about one network.
  CHECK(test::Must(GatewayFrom(R"([{"subnets":[{"gateway":"10.88.0.1"}]}])", kLocal)) ==
        "10.88.0.1");
}

TEST_CASE("BridgeGateway: an address that is not this host's is never listened on") {
  const auto elsewhere = GatewayFrom(R"({"IPAM":{"Config":[{"Gateway":"192.168.65.1"}]}})", kLocal);
  CHECK(ReasonOf(elsewhere.status()) == "BRIDGE_ADDRESS_UNKNOWN");
  for (const char* text :
       {"", "[]", "[{}, {}]", "{}", R"({"IPAM":[]})", R"({"IPAM":{"Config":{}},"Options":null})"}) {
    INFO(text);
    CHECK_FALSE(GatewayFrom(text, kLocal).ok());
  }
}

}  // namespace workmux::daemon
