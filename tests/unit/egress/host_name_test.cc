#include "daemon/egress/host_name.h"

#include <string>

#include "tests/support/status_matchers.h"

namespace workmux::egress {
namespace {

TEST_CASE("NormalHost: a name has one form", "[egress]") {
  CHECK(test::Must(NormalHost("API.Example.COM")) == "api.example.com");
  CHECK(test::Must(NormalHost("api.example.com.")) == "api.example.com");
  CHECK(test::Must(NormalHost("xn--bcher-kva.example")) == "xn--bcher-kva.example");
  CHECK(test::Must(NormalHost("_dmarc.example.com")) == "_dmarc.example.com");
  CHECK(test::Must(NormalHost("localhost")) == "localhost");
  CHECK(test::Must(NormalHost("1.2.3.4.example")) == "1.2.3.4.example");
  CHECK(test::Must(NormalHost(std::string(63, 'a') + ".b")) == std::string(63, 'a') + ".b");
}

TEST_CASE("NormalHost: addresses in any notation are no names", "[egress]") {
  for (const char* text :
       {"127.0.0.1", "127.1", "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "1.2.3.4.",
        "[::1]", "::1", "[::ffff:7f00:1]", "fe80::1%eth0", "example.0x10", "a.1", "0x", "a.0x"}) {
    INFO(text);
    CHECK_FALSE(NormalHost(text).ok());
  }
}

TEST_CASE("NormalHost: what another reader could take for another host is none", "[egress]") {
  using std::string_literals::operator""s;
  for (const std::string& text : {""s,
                                  "."s,
                                  ".."s,
                                  "a..b"s,
                                  ".a"s,
                                  "a.."s,
                                  "evil\0.example.com"s,
                                  "a b"s,
                                  "a\tb"s,
                                  "a@b"s,
                                  "a%2eb"s,
                                  "a/b"s,
                                  "a:443"s,
                                  "b\u00fccher.example"s,
                                  "\uff11\uff12\uff17.example\uff0ecom"s,
                                  "-a.b"s,
                                  "a-.b"s,
                                  "a,b"s,
                                  "*.a"s,
                                  "a\r\n"s,
                                  std::string(64, 'a'),
                                  std::string(254, 'a')}) {
    INFO(text);
    CHECK_FALSE(NormalHost(text).ok());
  }
}

}  // namespace
}  // namespace workmux::egress
