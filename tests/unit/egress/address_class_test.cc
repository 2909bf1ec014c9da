#include "daemon/egress/address_class.h"

#include <random>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace workmux::egress {
namespace {

AddressClass Of(const std::string& text) { return Classify(asio::ip::make_address(text)); }

struct Range {
  const char* first;
  const char* last;
  Reach reach;
};

constexpr Range kRanges[] = {
    {"0.0.0.0", "0.255.255.255", Reach::kForbidden},
    {"1.0.0.0", "9.255.255.255", Reach::kPublic},
    {"10.0.0.0", "10.255.255.255", Reach::kPrivate},
    {"11.0.0.0", "100.63.255.255", Reach::kPublic},
    {"100.64.0.0", "100.127.255.255", Reach::kPrivate},
    {"100.100.100.200", "100.100.100.200", Reach::kForbidden},
    {"100.128.0.0", "126.255.255.255", Reach::kPublic},
    {"127.0.0.0", "127.255.255.255", Reach::kForbidden},
    {"128.0.0.0", "168.63.129.15", Reach::kPublic},
    {"168.63.129.16", "168.63.129.16", Reach::kForbidden},
    {"168.63.129.17", "169.253.255.255", Reach::kPublic},
    {"169.254.0.0", "169.254.255.255", Reach::kForbidden},
    {"169.255.0.0", "172.15.255.255", Reach::kPublic},
    {"172.16.0.0", "172.31.255.255", Reach::kPrivate},
    {"172.32.0.0", "191.255.255.255", Reach::kPublic},
    {"192.0.0.0", "192.0.0.255", Reach::kForbidden},
    {"192.0.1.0", "192.0.1.255", Reach::kPublic},
    {"192.0.2.0", "192.0.2.255", Reach::kForbidden},
    {"192.0.3.0", "192.88.98.255", Reach::kPublic},
    {"192.88.99.0", "192.88.99.255", Reach::kForbidden},
    {"192.88.100.0", "192.167.255.255", Reach::kPublic},
    {"192.168.0.0", "192.168.255.255", Reach::kPrivate},
    {"192.169.0.0", "198.17.255.255", Reach::kPublic},
    {"198.18.0.0", "198.19.255.255", Reach::kForbidden},
    {"198.20.0.0", "198.51.99.255", Reach::kPublic},
    {"198.51.100.0", "198.51.100.255", Reach::kForbidden},
    {"198.51.101.0", "203.0.112.255", Reach::kPublic},
    {"203.0.113.0", "203.0.113.255", Reach::kForbidden},
    {"203.0.114.0", "223.255.255.255", Reach::kPublic},
    {"224.0.0.0", "255.255.255.255", Reach::kForbidden},
    {"::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kForbidden},
    {"2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kPublic},
    {"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kForbidden},
    {"2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kPublic},
    {"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kForbidden},
    {"2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kPublic},
    {"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kForbidden},
    {"2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kPublic},
    {"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kForbidden},
    {"3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kPublic},
    {"4000::", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kForbidden},
    {"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kPrivate},
    {"fe00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reach::kForbidden},
};

TEST_CASE("Classify: each block begins and ends where its registry says", "[egress]") {
  for (const Range& range : kRanges) {
    INFO(range.first << " to " << range.last);
    CHECK(Of(range.first).reach == range.reach);
    CHECK(Of(range.last).reach == range.reach);
    CHECK(Of(range.first).block.empty() == (range.reach == Reach::kPublic));
  }
}

TEST_CASE("Classify: IPv4 in its mapped form is judged as IPv4", "[egress]") {
  std::mt19937 random(4);
  for (int i = 0; i < 100'000; ++i) {
    const asio::ip::address_v4 v4(static_cast<std::uint32_t>(random()));
    const auto mapped = asio::ip::make_address_v6(asio::ip::v4_mapped, v4);
    const AddressClass direct = Classify(v4);
    const AddressClass through = Classify(mapped);
    if (direct.reach != through.reach || direct.block != through.block) FAIL(v4.to_string());
  }
}

TEST_CASE("Classify: no other way to write IPv4 into IPv6 is public", "[egress]") {
  for (const char* text :
       {"::8.8.8.8", "::127.0.0.1", "::ffff:0:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::8.8.8.8",
        "2002:808:808::1", "2001:0:808:808::1", "fe80::1", "fec0::1", "100::1", "5f00::1", "::1"}) {
    INFO(text);
    CHECK(Of(text).reach == Reach::kForbidden);
  }
  CHECK(Of("fd00:ec2::254").reach == Reach::kForbidden);
  CHECK(Of("fd00:ec2::253").reach == Reach::kPrivate);
  CHECK(Of("2606:4700::1111").reach == Reach::kPublic);
  CHECK(Of("2606:4700::1111%1").reach == Reach::kForbidden);
}

}  // namespace
}  // namespace workmux::egress
