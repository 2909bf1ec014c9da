#include "daemon/egress/host_port.h"

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::egress {

TEST_CASE("CheckHostPort: names of one kind, and ports that a sandbox can open") {
  CHECK_OK(CheckHostPort({"database", 5432}));
  CHECK_OK(CheckHostPort({"a", 1024}));
  CHECK_OK(CheckHostPort({"0-" + std::string(29, 'z'), 65535}));
  for (const std::string& name :
       {std::string(), std::string("-a"), std::string("A"), std::string("a.b"), std::string("../a"),
        std::string("a/b"), std::string("a b"), std::string("a\0b", 3), std::string(32, 'a')}) {
    INFO(name);
    CHECK_FALSE(CheckHostPort({name, 5432}).ok());
  }
  for (const int port : {0, 1, 80, 1023, 3127, 3128}) {
    INFO(port);
    CHECK_FALSE(CheckHostPort({"web", static_cast<std::uint16_t>(port)}).ok());
  }
}

TEST_CASE("Host ports: come back from their text, and nothing else does") {
  const std::vector<HostPort> services = {{"database", 5432}, {"cache", 6379}};
  CHECK(test::Must(HostPortsFromText(HostPortsToText(services))) == services);
  CHECK(test::Must(HostPortsFromText("")).empty());
  for (const std::string text : {"database", "5432", "x database", "70000 database", "80 web",
                                 "5432 ../a", "5432 a\n", "-1 a"}) {
    INFO(text);
    CHECK(absl::IsDataLoss(HostPortsFromText(text).status()));
  }
}

}  // namespace workmux::egress
