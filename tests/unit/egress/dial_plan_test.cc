#include "daemon/egress/dial_plan.h"

#include "daemon/egress/decision.h"
#include "tests/support/catch.h"

namespace workmux::egress {
namespace {

using asio::ip::address;
using asio::ip::make_address;

std::vector<address> Addresses(std::vector<std::string> texts) {
  std::vector<address> addresses;
  for (const std::string& text : texts) addresses.push_back(make_address(text));
  return addresses;
}
absl::StatusOr<bool> Elsewhere(const address&) { return false; }

DialPlan Plan(std::vector<std::string> answers, bool allow_private = false,
              const LeadsHereFn& leads_here = &Elsewhere) {
  return PlanDial(Addresses(std::move(answers)), allow_private, leads_here);
}

TEST_CASE("PlanDial: families take turns, IPv6 first, each address once", "[egress]") {
  CHECK(Plan({"1.1.1.1", "1.0.0.1", "2606:4700::1", "1.1.1.1"}).addresses ==
        Addresses({"2606:4700::1", "1.1.1.1", "1.0.0.1"}));
}

TEST_CASE("PlanDial: what is forbidden is left out, and named when nothing else is there",
          "[egress]") {
  CHECK(Plan({"127.0.0.1", "1.1.1.1"}).addresses == Addresses({"1.1.1.1"}));
  const DialPlan loopback = Plan({"127.0.0.1"});
  CHECK(loopback.addresses.empty());
  CHECK(loopback.reason == reason::kForbiddenAddress);
  CHECK(loopback.detail.find("127.0.0.1") != std::string::npos);
  CHECK(Plan({"10.0.0.1"}).reason == reason::kPrivateAddress);
  CHECK(Plan({}).reason == reason::kNotResolved);
}

TEST_CASE("PlanDial: a private opt-in opens private networks and nothing more", "[egress]") {
  CHECK(Plan({"10.0.0.1", "fd00::1"}, true).addresses == Addresses({"fd00::1", "10.0.0.1"}));
  for (const char* forbidden : {"127.0.0.1", "169.254.169.254", "::1", "fe80::1", "224.0.0.1",
                                "::ffff:127.0.0.1", "64:ff9b::a00:1", "0.0.0.0"}) {
    INFO(forbidden);
    CHECK(Plan({forbidden}, true).reason == reason::kForbiddenAddress);
  }
}

TEST_CASE("PlanDial: an IPv4 address in IPv6's clothes is judged and dialled as what it is",
          "[egress]") {
  CHECK(Plan({"::ffff:1.1.1.1"}).addresses == Addresses({"1.1.1.1"}));
  CHECK(Plan({"::ffff:10.0.0.1"}).reason == reason::kPrivateAddress);
  CHECK(Plan({"::ffff:1.1.1.1", "1.1.1.1"}).addresses == Addresses({"1.1.1.1"}));
}

TEST_CASE("PlanDial: an address of this host, or one whose route is unknown, is refused",
          "[egress]") {
  CHECK(Plan({"1.1.1.1"}, false, [](const address&) { return true; }).reason ==
        reason::kOwnAddress);
  CHECK(Plan({"10.0.0.1"}, true, [](const address&) { return true; }).reason ==
        reason::kOwnAddress);
  CHECK(Plan({"1.1.1.1"}, false, [](const address&) -> absl::StatusOr<bool> {
          return absl::UnavailableError("no netlink");
        }).addresses.empty());
}

TEST_CASE("PlanDial: answers beyond the limit are not looked at", "[egress]") {
  std::vector<std::string> answers(kMaxAnswers, "127.0.0.1");
  answers.emplace_back("1.1.1.1");
  CHECK(Plan(answers).addresses.empty());
}

}  // namespace
}  // namespace workmux::egress
