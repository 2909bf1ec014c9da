#include "daemon/egress/address_class.h"

#include <array>
#include <cstdint>

namespace workmux::egress {
namespace {

struct Block4 {
  std::uint32_t first;
  int length;
  AddressClass klass;
};

// The first 64 bits are enough: no block below reaches further.
struct Block6 {
  std::uint64_t first;
  int length;
  AddressClass klass;
};

constexpr AddressClass Forbidden(std::string_view block) { return {Reach::kForbidden, block}; }
constexpr AddressClass Private(std::string_view block) { return {Reach::kPrivate, block}; }

constexpr std::uint32_t V4(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
  return a << 24 | b << 16 | c << 8 | d;
}
constexpr std::uint64_t V6(std::uint64_t a, std::uint64_t b = 0) { return a << 48 | b << 32; }

// The first that holds an address counts. IANA IPv4 Special-Purpose Address Registry
// (https://www.iana.org/assignments/iana-ipv4-special-registry), without the blocks
// that it calls globally reachable; multicast is RFC 5771. The two hosts answer for a
// cloud's own services at addresses that are not special otherwise.
constexpr auto kV4 = std::to_array<Block4>({
    {V4(168, 63, 129, 16), 32, Forbidden("Azure's platform service")},
    {V4(100, 100, 100, 200), 32, Forbidden("Alibaba's metadata service")},
    {V4(0, 0, 0, 0), 8, Forbidden("this network")},
    {V4(10, 0, 0, 0), 8, Private("private")},
    {V4(100, 64, 0, 0), 10, Private("carrier-grade NAT")},
    {V4(127, 0, 0, 0), 8, Forbidden("loopback")},
    {V4(169, 254, 0, 0), 16, Forbidden("link-local")},
    {V4(172, 16, 0, 0), 12, Private("private")},
    {V4(192, 0, 0, 0), 24, Forbidden("protocol assignments")},
    {V4(192, 0, 2, 0), 24, Forbidden("documentation")},
    {V4(192, 88, 99, 0), 24, Forbidden("6to4 relay")},
    {V4(192, 168, 0, 0), 16, Private("private")},
    {V4(198, 18, 0, 0), 15, Forbidden("benchmarking")},
    {V4(198, 51, 100, 0), 24, Forbidden("documentation")},
    {V4(203, 0, 113, 0), 24, Forbidden("documentation")},
    {V4(224, 0, 0, 0), 4, Forbidden("multicast")},
    {V4(255, 255, 255, 255), 32, Forbidden("broadcast")},
    {V4(240, 0, 0, 0), 4, Forbidden("reserved")},
});

// Global unicast, RFC 4291 2.4: the only space of which anything is public.
constexpr Block6 kGlobalUnicast = {V6(0x2000), 3, {Reach::kPublic, {}}};

// IANA IPv6 Special-Purpose Address Registry
// (https://www.iana.org/assignments/iana-ipv6-special-registry). Of 2001::/23 all is
// forbidden: the few reachable anycast blocks in it are no web servers.
constexpr auto kV6 = std::to_array<Block6>({
    {V6(0x2001, 0), 23, Forbidden("protocol assignments")},
    {V6(0x2001, 0xdb8), 32, Forbidden("documentation")},
    {V6(0x2002), 16, Forbidden("6to4")},
    {V6(0x3fff), 20, Forbidden("documentation")},
    {V6(0xfc00), 7, Private("unique local")},
    {V6(0xfe80), 10, Forbidden("link-local")},
    {V6(0xff00), 8, Forbidden("multicast")},
});

// fd00:ec2::254, the IMDS of the EC2 user guide, in the space of private networks.
constexpr asio::ip::address_v6::bytes_type kAwsMetadata = {
    0xfd, 0x00, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};

template <class Block, class Bits>
constexpr bool Holds(const Block& block, Bits bits) {
  constexpr int kWidth = static_cast<int>(sizeof(Bits)) * 8;
  return (bits ^ block.first) >> (kWidth - block.length) == 0;
}

AddressClass ClassifyV4(std::uint32_t bits) {
  for (const Block4& block : kV4) {
    if (Holds(block, bits)) return block.klass;
  }
  return {Reach::kPublic, {}};
}

}  // namespace

AddressClass Classify(const asio::ip::address& address) {
  if (address.is_v4()) return ClassifyV4(address.to_v4().to_uint());
  const asio::ip::address_v6 v6 = address.to_v6();
  if (v6.scope_id() != 0) return Forbidden("an address with a zone");
  if (v6.is_v4_mapped())
    return ClassifyV4(asio::ip::make_address_v4(asio::ip::v4_mapped, v6).to_uint());
  if (v6.is_loopback()) return Forbidden("loopback");
  if (v6.is_unspecified()) return Forbidden("unspecified");
  if (v6.to_bytes() == kAwsMetadata) return Forbidden("AWS's metadata service");
  std::uint64_t bits = 0;
  const asio::ip::address_v6::bytes_type bytes = v6.to_bytes();
  for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | bytes[i];
  for (const Block6& block : kV6) {
    if (Holds(block, bits)) return block.klass;
  }
  return Holds(kGlobalUnicast, bits) ? kGlobalUnicast.klass : Forbidden("not global unicast");
}

}  // namespace workmux::egress
