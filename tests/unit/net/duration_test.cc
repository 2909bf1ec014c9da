#include "cli/duration.h"

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::cli {
namespace {

TEST_CASE("ParseDuration: one number and one unit") {
  CHECK(test::Must(ParseDuration("90s")) == 90);
  CHECK(test::Must(ParseDuration("15m")) == 900);
  CHECK(test::Must(ParseDuration("1h")) == 3600);
  CHECK(test::Must(ParseDuration("2d")) == 172'800);
  CHECK(test::Must(ParseDuration("366d")) == 366 * 86'400);
}

TEST_CASE("ParseDuration: everything else is no duration") {
  for (const char* text : {"", "h", "1", "0s", "-1h", "+1h", "1.5h", " 1h", "1h ", "1 h", "1H",
                           "1h30m", "1w", "0x1h", "367d", "99999999999999999999s"}) {
    INFO(text);
    CHECK(ParseDuration(text).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace workmux::cli
