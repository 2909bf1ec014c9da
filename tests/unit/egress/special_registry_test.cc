#include <asio/ip/network_v4.hpp>
#include <asio/ip/network_v6.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "daemon/egress/address_class.h"
#include "tests/support/catch.h"

// The classifier against the registries as they are written, read in another way.

namespace workmux::egress {
namespace {

using asio::ip::address_v4;
using asio::ip::address_v6;

// Rows of https://www.iana.org/assignments/iana-ipv4-special-registry that are not
// "Globally Reachable", multicast and the future use of 240.0.0.0/4.
const char* const kSpecialV4[] = {
    "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10", "127.0.0.0/8",
    "169.254.0.0/16", "172.16.0.0/12",  "192.0.0.0/24",  "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4",    "240.0.0.0/4",   "168.63.129.16/32"};
const char* const kPrivateV4[] = {"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"};
// Rows of https://www.iana.org/assignments/iana-ipv6-special-registry inside of the
// global unicast space.
const char* const kSpecialV6[] = {"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"};

template <class Network, class Address>
bool In(const Network& network, const Address& address) {
  return Network(address, network.prefix_length()).canonical() == network.canonical();
}

Reach Expected(const address_v4& address) {
  const auto in = [&](const char* text) { return In(asio::ip::make_network_v4(text), address); };
  if (address == asio::ip::make_address_v4("100.100.100.200")) return Reach::kForbidden;
  if (std::any_of(std::begin(kPrivateV4), std::end(kPrivateV4), in)) return Reach::kPrivate;
  return std::any_of(std::begin(kSpecialV4), std::end(kSpecialV4), in) ? Reach::kForbidden
                                                                       : Reach::kPublic;
}

Reach Expected(const address_v6& address) {
  const auto in = [&](const char* text) { return In(asio::ip::make_network_v6(text), address); };
  if (address == asio::ip::make_address_v6("fd00:ec2::254")) return Reach::kForbidden;
  if (in("::ffff:0:0/96")) return Expected(asio::ip::make_address_v4(asio::ip::v4_mapped, address));
  if (in("fc00::/7")) return Reach::kPrivate;
  if (!in("2000::/3") || std::any_of(std::begin(kSpecialV6), std::end(kSpecialV6), in))
    return Reach::kForbidden;
  return Reach::kPublic;
}

// Uniform ones hardly ever lie in a small block: every other one is in one, or beside it.
address_v4 Random4(std::mt19937& random) {
  const auto bits = static_cast<std::uint32_t>(random());
  if (random() % 2 == 0) return address_v4(bits);
  const char* text = kSpecialV4[random() % std::size(kSpecialV4)];
  const auto network = asio::ip::make_network_v4(text);
  const std::uint64_t size = std::uint64_t{1} << (32 - network.prefix_length());
  // Up to twice its size, from the one before it on.
  return address_v4(network.address().to_uint() + static_cast<std::uint32_t>(bits % (2 * size)) -
                    static_cast<std::uint32_t>(random() % 2));
}

address_v6 Random6(std::mt19937& random) {
  address_v6::bytes_type bytes;
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random());
  const char* const starts[] = {
      "2001::",     "2001:db8::", "2002::", "3fff::", "fc00::",    "fe80::",        "ff00::",
      "::ffff:0:0", "2000::",     "4000::", "1fff::", "64:ff9b::", "fd00:ec2::254", "2001:200::"};
  const std::size_t kept = random() % 17;
  if (random() % 4 == 0) return address_v6(bytes);
  const auto start = asio::ip::make_address_v6(starts[random() % std::size(starts)]).to_bytes();
  std::copy_n(start.begin(), kept, bytes.begin());
  return address_v6(bytes);
}

}  // namespace

TEST_CASE("Classify: a million addresses are what the registries make of them", "[egress]") {
  std::mt19937 random(20);
  for (int i = 0; i < 500'000; ++i) {
    const address_v4 four = Random4(random);
    if (Classify(four).reach != Expected(four)) FAIL(four.to_string());
    const address_v6 six = Random6(random);
    if (Classify(six).reach != Expected(six)) FAIL(six.to_string());
  }
}

}  // namespace workmux::egress
