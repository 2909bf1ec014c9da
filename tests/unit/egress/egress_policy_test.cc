#include "daemon/egress/egress_policy.h"

#include "common/base/status.h"
#include "tests/support/status_matchers.h"

namespace workmux::egress {
namespace {

std::vector<HostRule> Rules(std::initializer_list<const char*> texts) {
  std::vector<HostRule> rules;
  for (const char* text : texts) rules.push_back(test::Must(ParseHostRule(text, false)));
  return rules;
}

std::string Decides(const std::vector<HostRule>& rules, const char* host) {
  const HostRule* rule = FindRule(rules, host);
  return rule == nullptr ? "" : rule->text();
}

TEST_CASE("FindRule: a wildcard means the names below it, not itself", "[egress]") {
  const auto rules = Rules({"*.github.com", "example.org"});
  CHECK(Decides(rules, "api.github.com") == "*.github.com");
  CHECK(Decides(rules, "a.b.github.com") == "*.github.com");
  CHECK(Decides(rules, "github.com").empty());
  CHECK(Decides(rules, "evilgithub.com").empty());
  CHECK(Decides(rules, ".github.com").empty());
  CHECK(Decides(rules, "example.org") == "example.org");
  CHECK(Decides(rules, "www.example.org").empty());
  CHECK(Decides(rules, "example.org.evil.net").empty());
}

TEST_CASE("FindRule: the exact rule decides, else the longest", "[egress]") {
  const auto rules = Rules({"*.example.org", "*.a.example.org", "b.a.example.org"});
  CHECK(Decides(rules, "b.a.example.org") == "b.a.example.org");
  CHECK(Decides(rules, "c.a.example.org") == "*.a.example.org");
  CHECK(Decides(rules, "a.example.org") == "*.example.org");
  CHECK(Decides({}, "a.example.org").empty());
}

TEST_CASE("ParseHostRule: what would allow more than it says is refused", "[egress]") {
  for (const char* text : {"*.com", "*.co.uk", "*", "*.", "*.*.example.org", "a.*.example.org",
                           "a*.example.org", "1.2.3.4", "https://example.org", "example.org:443",
                           "example.org/path", "", "b\u00fccher.example"}) {
    INFO(text);
    const auto rule = ParseHostRule(text, false);
    CHECK(ReasonOf(rule.status()) == "EGRESS_RULE_INVALID");
    CHECK_FALSE(HintOf(rule.status()).empty());
  }
  CHECK_OK(ParseHostRule("com", false).status());
  CHECK_OK(ParseHostRule("*.example.co.uk", false).status());
  CHECK_OK(ParseHostRule("*.corp", false).status());
}

TEST_CASE("ParseHostRule: private addresses are opened for one host only", "[egress]") {
  CHECK(test::Must(ParseHostRule("mirror.example.com", true)).allow_private_ips);
  CHECK(ReasonOf(ParseHostRule("*.example.com", true).status()) == "EGRESS_RULE_INVALID");
}

TEST_CASE("DoubtAbout: a wildcard over a suffix of many owners is doubtful", "[egress]") {
  CHECK_FALSE(DoubtAbout(test::Must(ParseHostRule("*.github.io", false))).empty());
  CHECK(DoubtAbout(test::Must(ParseHostRule("*.github.com", false))).empty());
  CHECK(DoubtAbout(test::Must(ParseHostRule("me.github.io", false))).empty());
}

}  // namespace
}  // namespace workmux::egress
