#include "tests/support/special_registry.h"

#include <asio/ip/network_v4.hpp>
#include <asio/ip/network_v6.hpp>

#include <algorithm>

namespace workmux::test {
namespace {

using asio::ip::address_v4;
using asio::ip::address_v6;
using asio::ip::network_v4;
using asio::ip::network_v6;
using egress::Reach;

// Of IPv4's, the ones of organisations' own networks.
const char* const kPrivateV4[] = {"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"};
// Rows of https://www.iana.org/assignments/iana-ipv6-special-registry inside of the
// global unicast space.
const char* const kSpecialV6[] = {"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"};

network_v4 Network4(const char* text) { return asio::ip::make_network_v4(text); }
network_v6 Network6(const char* text) { return asio::ip::make_network_v6(text); }

template <class Network, class Address>
bool In(const std::vector<Network>& networks, const Address& address) {
  return std::any_of(networks.begin(), networks.end(), [&](const Network& network) {
    return Network(address, network.prefix_length()).canonical() == network.canonical();
  });
}

template <class Network, class Texts, class Make>
std::vector<Network> Read(const Texts& texts, Make make) {
  std::vector<Network> networks;
  for (const char* text : texts) networks.push_back(make(text));
  return networks;
}

Reach ReachOf(const address_v4& address) {
  static const auto special = Read<network_v4>(SpecialV4(), Network4);
  static const auto organisations = Read<network_v4>(kPrivateV4, Network4);
  if (address == asio::ip::make_address_v4("100.100.100.200")) return Reach::kForbidden;
  if (In(organisations, address)) return Reach::kPrivate;
  return In(special, address) ? Reach::kForbidden : Reach::kPublic;
}

Reach ReachOf(const address_v6& address) {
  static const auto mapped = std::vector{Network6("::ffff:0:0/96")};
  static const auto local = std::vector{Network6("fc00::/7")};
  static const auto global = std::vector{Network6("2000::/3")};
  static const auto special = Read<network_v6>(kSpecialV6, Network6);
  if (address == asio::ip::make_address_v6("fd00:ec2::254")) return Reach::kForbidden;
  if (In(mapped, address)) return ReachOf(asio::ip::make_address_v4(asio::ip::v4_mapped, address));
  if (In(local, address)) return Reach::kPrivate;
  return !In(global, address) || In(special, address) ? Reach::kForbidden : Reach::kPublic;
}

}  // namespace

// Rows of https://www.iana.org/assignments/iana-ipv4-special-registry that are not
// "Globally Reachable", multicast and the future use of 240.0.0.0/4.
const std::vector<const char*>& SpecialV4() {
  static const std::vector<const char*> blocks = {
      "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",
      "169.254.0.0/16", "172.16.0.0/12",  "192.0.0.0/24",  "192.0.2.0/24",
      "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
      "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",   "168.63.129.16/32"};
  return blocks;
}

egress::Reach RegisteredReach(const asio::ip::address& address) {
  return address.is_v4() ? ReachOf(address.to_v4()) : ReachOf(address.to_v6());
}

}  // namespace workmux::test
