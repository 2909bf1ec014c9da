#include <asio/ip/network_v4.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "daemon/egress/address_class.h"
#include "tests/support/catch.h"
#include "tests/support/special_registry.h"

// The classifier against the registries as they are written, read in another way.

namespace workmux::egress {
namespace {

using asio::ip::address_v4;
using asio::ip::address_v6;

// Uniform ones hardly ever lie in a small block: every other one is in one, or beside it.
address_v4 Random4(std::mt19937& random) {
  const auto bits = static_cast<std::uint32_t>(random());
  if (random() % 2 == 0) return address_v4(bits);
  const char* text = test::SpecialV4()[random() % test::SpecialV4().size()];
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
    if (Classify(four).reach != test::RegisteredReach(four)) FAIL(four.to_string());
    const address_v6 six = Random6(random);
    if (Classify(six).reach != test::RegisteredReach(six)) FAIL(six.to_string());
  }
}

}  // namespace workmux::egress
