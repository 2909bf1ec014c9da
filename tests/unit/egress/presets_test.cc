#include "daemon/egress/presets.h"

#include "daemon/egress/egress_policy.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::egress {

TEST_CASE("Presets: every host is a rule that could be written by hand", "[egress]") {
  REQUIRE_FALSE(PresetNames().empty());
  for (const std::string_view agent : PresetNames()) {
    CHECK_FALSE(PresetHosts(agent).empty());
    for (const std::string_view host : PresetHosts(agent)) {
      INFO(agent << " " << host);
      const HostRule rule = test::Must(ParseHostRule(host, false));
      CHECK(DoubtAbout(rule).empty());
      CHECK(rule.text() == host);
    }
  }
  CHECK(PresetHosts("nobody").empty());
}

}  // namespace workmux::egress
