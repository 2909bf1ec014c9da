// What a hostile name server can make of a host: no address that is forbidden is
// dialled, whatever stands beside it in the answer.

#include <algorithm>
#include <iterator>

#include "common/base/status.h"
#include "daemon/egress/address_class.h"
#include "daemon/egress/decision.h"
#include "daemon/egress/dial_plan.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/special_registry.h"

namespace workmux::fuzz {
namespace {

using asio::ip::address;
using asio::ip::address_v4;
using asio::ip::address_v6;
using egress::DialPlan;
using egress::Reach;

// Where blocks begin and what is made of IPv4 in IPv6.
constexpr const char* kStarts[] = {"0.0.0.0",
                                   "10.0.0.0",
                                   "100.64.0.0",
                                   "100.100.100.200",
                                   "127.0.0.0",
                                   "168.63.129.16",
                                   "169.254.0.0",
                                   "172.16.0.0",
                                   "192.0.0.0",
                                   "192.0.2.0",
                                   "192.88.99.0",
                                   "192.168.0.0",
                                   "198.18.0.0",
                                   "198.51.100.0",
                                   "203.0.113.0",
                                   "224.0.0.0",
                                   "240.0.0.0",
                                   "255.255.255.255",
                                   "::",
                                   "::1",
                                   "::ffff:0:0",
                                   "::ffff:0:0:0",
                                   "64:ff9b::",
                                   "64:ff9b:1::",
                                   "100::",
                                   "2000::",
                                   "2001::",
                                   "2001:200::",
                                   "2001:db8::",
                                   "2002::",
                                   "3fff::",
                                   "4000::",
                                   "5f00::",
                                   "fc00::",
                                   "fd00:ec2::254",
                                   "fe80::",
                                   "fec0::",
                                   "ff00::",
                                   "1.0.0.0",
                                   "93.184.216.34",
                                   "2606:2800:220:1::34"};

template <class Address>
Address Changed(typename Address::bytes_type bytes, Input& input) {
  // From this byte on, by what the input has.
  for (std::size_t i = input.Byte() % (bytes.size() + 1); i < bytes.size(); ++i)
    bytes[i] = static_cast<unsigned char>(bytes[i] + input.Byte());
  return Address(bytes);
}

address Take(Input& input) {
  const std::size_t choice = input.Byte();
  const address start = asio::ip::make_address(kStarts[choice % std::size(kStarts)]);
  if (start.is_v4()) return Changed<address_v4>(start.to_v4().to_bytes(), input);
  auto six = Changed<address_v6>(start.to_v6().to_bytes(), input);
  if (choice >= 240) six.scope_id(static_cast<asio::ip::scope_id_type>(1 + input.Byte()));
  return six;
}

address_v4 Inner(const address& mapped) {
  return asio::ip::make_address_v4(asio::ip::v4_mapped, mapped.to_v6());
}

void CheckClass(const address& one) {
  const egress::AddressClass found = egress::Classify(one);
  const bool zoned = one.is_v6() && one.to_v6().scope_id() != 0;
  Require(found.reach == (zoned ? Reach::kForbidden : test::RegisteredReach(one)),
          "an address is what the registries say");
  Require((found.reach == Reach::kPublic) == found.block.empty(), "what is closed has a name");
  if (one.is_v4()) {
    const address mapped = asio::ip::make_address_v6(asio::ip::v4_mapped, one.to_v4());
    Require(egress::Classify(mapped).reach == found.reach, "mapped IPv4 is judged as IPv4");
  }
}

void CheckPlan(const std::vector<address>& answers, bool allow_private,
               const egress::LeadsHereFn& leads_here) {
  const DialPlan plan = egress::PlanDial(answers, allow_private, leads_here);
  Require(plan.addresses.empty() != plan.reason.empty(), "a plan has addresses or a reason");
  Require(plan.addresses.size() <= egress::kMaxAnswers, "a plan has an end");
  for (std::size_t i = 0; i < plan.addresses.size(); ++i) {
    const address& dialled = plan.addresses[i];
    const Reach reach = test::RegisteredReach(dialled);
    Require(reach == Reach::kPublic || (reach == Reach::kPrivate && allow_private),
            "nothing forbidden is dialled");
    Require(
        !dialled.is_v6() || (dialled.to_v6().scope_id() == 0 && !dialled.to_v6().is_v4_mapped()),
        "nothing is dialled in another form than it was judged in");
    const auto here = leads_here(dialled);
    Require(here.ok() && !*here, "nothing is dialled that may lead to this host");
    const auto seen = std::find_if(answers.begin(), answers.end(), [&](const address& answer) {
      return answer == dialled ||
             (answer.is_v6() && answer.to_v6().is_v4_mapped() && Inner(answer) == dialled);
    });
    Require(seen != answers.end(), "nothing is dialled that was not answered");
    Require(std::count(plan.addresses.begin(), plan.addresses.end(), dialled) == 1,
            "nothing is dialled twice");
  }
  if (plan.addresses.size() > 1 && plan.addresses[0].is_v4())
    Require(std::all_of(plan.addresses.begin(), plan.addresses.end(),
                        [](const address& one) { return one.is_v4(); }),
            "IPv6 is tried first");
}

}  // namespace

void Check(std::string_view bytes) {
  Input input(bytes);
  const std::size_t flags = input.Byte();
  std::vector<address> answers;
  while (!input.empty() && answers.size() < 64) {
    answers.push_back(Take(input));
    CheckClass(answers.back());
  }
  // Some addresses are this host's, of some nobody knows.
  const auto leads_here = [&](const address& asked) -> absl::StatusOr<bool> {
    const std::size_t last =
        asked.is_v4() ? asked.to_v4().to_bytes()[3] : asked.to_v6().to_bytes()[15];
    if ((flags & 2) != 0 && last % 5 == 1) return true;
    if ((flags & 4) != 0 && last % 5 == 2) return Unavailable("unknown");
    return false;
  };
  CheckPlan(answers, (flags & 1) != 0, leads_here);
}

std::vector<std::string> Seeds() {
  std::string all(1, '\1');
  for (std::size_t i = 0; i < std::size(kStarts); ++i) {
    all += static_cast<char>(i);
    all += '\x10';  // as it stands
  }
  // Two public ones, then every block of the first half; every block with IPv4 inside.
  std::string mapped(1, '\7');
  for (const char last : {'\1', '\2', '\3'})
    mapped += std::string("\x14\x0c\x0a\x01\x02", 5) + last;
  return {all, all.substr(0, 40), std::string(1, '\0') + all.substr(41), mapped};
}

}  // namespace workmux::fuzz
