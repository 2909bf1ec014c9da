#include "daemon/egress/connect_request.h"

#include <random>
#include <string>

#include "tests/support/catch.h"

namespace workmux::egress {
namespace {

using State = ConnectParse::State;
using std::string_literals::operator""s;

constexpr char kGood[] =
    "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n"
    "User-Agent: curl/8\r\nProxy-Authorization: Basic d29ya211eDp0b2tlbg==\r\n\r\n";

int StatusOf(const std::string& text) {
  const ConnectParse parse = ParseConnect(text);
  return parse.state == State::kRefused ? parse.http_status : 0;
}

TEST_CASE("ParseConnect: a request is whole at its empty line, and not before", "[egress]") {
  const std::string good = kGood;
  for (std::size_t size = 0; size < good.size(); ++size) {
    INFO(size);
    CHECK(ParseConnect(good.substr(0, size)).state == State::kIncomplete);
  }
  const ConnectParse parse = ParseConnect(good + "\x16\x03");
  REQUIRE(parse.state == State::kComplete);
  CHECK(parse.request.host == "api.example.com");
  CHECK(parse.request.size == good.size());
  CHECK(BasicPassword(parse.request.authorization) == "token");
}

TEST_CASE("ParseConnect: what clients really send is understood", "[egress]") {
  CHECK(ParseConnect("CONNECT a.example:443 HTTP/1.0\r\n\r\n").state == State::kComplete);
  CHECK(ParseConnect("CONNECT A.Example.:443 HTTP/1.1\r\nhost: a.example\r\n\r\n").request.host ==
        "a.example");
}

TEST_CASE("ParseConnect: other methods and ports are refused by name", "[egress]") {
  CHECK(StatusOf("GET http://example.com/ HTTP/1.1\r\n") == 405);
  CHECK(StatusOf("connect a.example:443 HTTP/1.1\r\n") == 405);
  CHECK(StatusOf("CONNECT a.example:80 HTTP/1.1\r\n") == 403);
  CHECK(StatusOf("CONNECT a.example HTTP/1.1\r\n") == 403);
  CHECK(StatusOf("CONNECT 127.0.0.1:443 HTTP/1.1\r\n") == 403);
  CHECK(StatusOf("CONNECT [::1]:443 HTTP/1.1\r\n") == 403);
  CHECK(StatusOf("CONNECT 2130706433:443 HTTP/1.1\r\n") == 403);
  CHECK(StatusOf("CONNECT a.example:443:443 HTTP/1.1\r\n") == 403);
}

TEST_CASE("ParseConnect: what can be read in two ways is refused", "[egress]") {
  const std::string line = "CONNECT a.example:443 HTTP/1.1\r\n";
  for (const std::string& text : {"CONNECT  a.example:443 HTTP/1.1\r\n"s,
                                  "CONNECT a.example:443  HTTP/1.1\r\n"s,
                                  "CONNECT a.example:443 HTTP/1.1 \r\n"s,
                                  "CONNECT\ta.example:443 HTTP/1.1\r\n"s,
                                  "CONNECT a.example:443 HTTP/2.0\r\n"s,
                                  "CONNECT a.example:443\r\n"s,
                                  "\r\n"s,
                                  "CONNECT u@a.example:443 HTTP/1.1\r\n"s,
                                  "CONNECT http://a.example:443 HTTP/1.1\r\n"s,
                                  "CONNECT a.example:443/ HTTP/1.1\r\n"s,
                                  "CONNECT a.example:443 HTTP/1.1\n\n"s,
                                  "CONNECT evil\0.a.example:443 HTTP/1.1\r\n"s,
                                  line + "Host: b.example\r\n",
                                  line + "Host: a.example\r\nHost: a.example\r\n",
                                  line + "Content-Length: 0\r\n",
                                  line + "Transfer-Encoding: chunked\r\n",
                                  line + "A: b\r\n c\r\n",
                                  line + " A: b\r\n",
                                  line + "A : b\r\n",
                                  line + "A\r\n",
                                  line + ": b\r\n",
                                  line + "A: b\rc\r\n",
                                  line + "A: b\nc\r\n",
                                  line + "A: b\0c\r\n"s,
                                  line + "A: \x80\r\n",
                                  line + "Proxy-Authorization: a\r\nProxy-Authorization: b\r\n"}) {
    INFO(text);
    CHECK(StatusOf(text) == 400);
  }
}

TEST_CASE("ParseConnect: nothing grows without end", "[egress]") {
  const std::string line = "CONNECT a.example:443 HTTP/1.1\r\n";
  CHECK(StatusOf(std::string(1025, 'A')) == 431);
  CHECK(StatusOf(line + "A: " + std::string(1024, 'b')) == 431);
  std::string many = line;
  for (int i = 0; i < 65; ++i) many += "A: b\r\n";
  CHECK(StatusOf(many) == 431);
  std::string long_one = line;
  while (long_one.size() < kMaxHead) long_one += "A: " + std::string(1000, 'b') + "\r\n";
  CHECK(StatusOf(long_one) == 431);
}

TEST_CASE("ParseConnect: no random bytes make a request", "[egress]") {
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    std::string text(random() % 64, '\0');
    for (char& c : text) c = static_cast<char>(random());
    if (ParseConnect(text).state == State::kComplete) FAIL(text);
    std::string near = kGood;
    near[random() % near.size()] = static_cast<char>(random());
    const ConnectParse parse = ParseConnect(near);
    if (parse.state == State::kComplete &&
        parse.request.host.find_first_of("\0\r\n /:@") != std::string::npos)
      FAIL(near);
  }
}

TEST_CASE("BasicPassword: only a password of Basic credentials is one", "[egress]") {
  CHECK(BasicPassword("basic d29ya211eDphOmI=") == "a:b");
  CHECK(BasicPassword("Bearer d29ya211eDphOmI=").empty());
  CHECK(BasicPassword("Basic !!!").empty());
  CHECK(BasicPassword("Basic dG9rZW4=").empty());
  CHECK(BasicPassword("").empty());
}

}  // namespace
}  // namespace workmux::egress
