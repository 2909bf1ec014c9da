#include "guest/relay_entries.h"

#include "tests/support/status_matchers.h"

namespace workmux::guest {

TEST_CASE("RelayEntries: ports and the names of their sockets") {
  const auto entries = test::Must(ParseRelayEntries("3128=proxy.sock\t41234=bridge.sock"));
  CHECK(entries == std::vector<RelayEntry>{{3128, "proxy.sock"}, {41234, "bridge.sock"}});
  CHECK(test::Must(ParseRelayEntries("65535=x_1-y")) == std::vector<RelayEntry>{{65535, "x_1-y"}});
}

TEST_CASE("RelayEntries: whatever is not understood is refused as a whole") {
  for (const std::string_view text : {"",
                                      "\t",
                                      "3128",
                                      "=proxy.sock",
                                      "3128=",
                                      "0=a",
                                      "65536=a",
                                      "-1=a",
                                      "+1=a",
                                      "0x10=a",
                                      " 3128=a",
                                      "3128=a\t",
                                      "3128=a\t3128=b",
                                      "3128=a\tx",
                                      "3128=.",
                                      "3128=..",
                                      "3128=a/b",
                                      "3128=/run/docker.sock",
                                      "3128=../docker.sock",
                                      "3128=a b",
                                      "3128=a,3129=b",
                                      "3128=a\n",
                                      "99999999999999999999=a"}) {
    INFO(text);
    CHECK_CODE(ParseRelayEntries(text), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace workmux::guest
