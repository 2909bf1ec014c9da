#include "daemon/egress/request_head.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace workmux::egress {
namespace {

using Body = RequestHead::Body;
using State = RequestParse::State;
using std::string_literals::operator""s;

const std::string kLine = "POST /v1/messages HTTP/1.1\r\n";
const std::string kStart = kLine + "Host: api.example.com\r\n";

int StatusOf(const std::string& text) {
  const RequestParse parse = ParseRequest(text);
  if (parse.state != State::kRefused) return 0;
  CHECK_FALSE(parse.reason.empty());
  // However it arrives: a refusal may come earlier, but never a request.
  for (std::size_t size = 0; size < std::min<std::size_t>(text.size(), 300); ++size)
    CHECK(ParseRequest(text.substr(0, size)).state != State::kComplete);
  return parse.http_status;
}

RequestHead Parsed(const std::string& text) {
  const RequestParse parse = ParseRequest(text);
  INFO(text);
  INFO(parse.reason);
  REQUIRE(parse.state == State::kComplete);
  return parse.head;
}

CredentialRule Rule() {
  CredentialRule rule;
  rule.host = "api.example.com";
  rule.header = "authorization";
  rule.value = "Bearer {secret}";
  return rule;
}

std::vector<std::string> Values(const RequestHead& head, const std::string& wanted) {
  std::vector<std::string> values;
  for (const auto& [name, value] : head.fields) {
    if (name == wanted) values.push_back(value);
  }
  return values;
}

// The head that goes on for one with these lines, as a server reads it.
RequestHead Outgoing(const std::string& lines, const CredentialRule& rule = Rule()) {
  return Parsed(OutgoingHead(Parsed(kStart + lines + "\r\n"), rule, "s3cret"));
}

bool GoesOn(const std::string& line) {
  CredentialRule rule = Rule();
  rule.header = "x-own-key";
  const std::string name = line.substr(0, line.find(':'));
  return !Values(Outgoing(line + "\r\n", rule), name).empty();
}

TEST_CASE("ParseRequest: a request is whole at its empty line, and not before", "[egress]") {
  const std::string good =
      "GET /v1/models?limit=1 HTTP/1.1\r\nHost: API.example.com:443\r\nAccept: */*\r\n"
      "X-Empty:\r\nX-Blanks: \t a b \t\r\n\r\n";
  for (std::size_t size = 0; size < good.size(); ++size) {
    INFO(size);
    CHECK(ParseRequest(good.substr(0, size)).state == State::kIncomplete);
  }
  const RequestHead head = Parsed(good + "GET /next");
  CHECK(head.size == good.size());
  CHECK(head.method == "GET");
  CHECK(head.target == "/v1/models?limit=1");
  CHECK(head.host == "api.example.com");
  CHECK(head.body == Body::kNone);
  CHECK_FALSE(head.close);
  CHECK(head.fields.size() == 4);
  CHECK(Values(head, "x-empty") == std::vector<std::string>{""});
  CHECK(Values(head, "x-blanks") == std::vector<std::string>{"a b"});
}

TEST_CASE("ParseRequest: a body ends where its head says", "[egress]") {
  CHECK(Parsed(kStart + "\r\n").body == Body::kNone);
  const RequestHead empty = Parsed(kStart + "Content-Length: 0\r\n\r\n");
  CHECK(empty.body == Body::kLength);
  CHECK(empty.length == 0);
  CHECK(Parsed(kStart + "content-length:\t0042 \r\n\r\n").length == 42);
  CHECK(Parsed(kStart + "Content-Length: 9223372036854775807\r\n\r\n").length ==
        9223372036854775807u);
  CHECK(Parsed(kStart + "Transfer-Encoding: Chunked\r\n\r\n").body == Body::kChunked);
}

TEST_CASE("ParseRequest: Connection says which request is the last", "[egress]") {
  CHECK(Parsed(kStart + "Connection: close\r\n\r\n").close);
  CHECK(Parsed(kStart + "Connection: keep-alive, , Close\r\n\r\n").close);
  CHECK_FALSE(Parsed(kStart + "Connection: keep-alive\r\n\r\n").close);
  CHECK_FALSE(Parsed(kStart + "Connection:\r\n\r\n").close);
}

TEST_CASE("ParseRequest: other methods and versions are refused by name", "[egress]") {
  CHECK(StatusOf("CONNECT a.example:443 HTTP/1.1\r\n") == 405);
  CHECK(StatusOf("TRACE / HTTP/1.1\r\n") == 405);
  CHECK(StatusOf("connect a.example:443 HTTP/1.1\r\n") == 405);
  CHECK(StatusOf("GET / HTTP/1.0\r\n") == 505);
  CHECK(StatusOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == 505);
  CHECK(StatusOf("GET / HTTP/1.2\r\n") == 505);
}

TEST_CASE("ParseRequest: a request line that can be read in two ways is refused", "[egress]") {
  for (const std::string& line : {"get / HTTP/1.1\r\n"s,
                                  "Get / HTTP/1.1\r\n"s,
                                  "\r\nGET / HTTP/1.1\r\n"s,
                                  " GET / HTTP/1.1\r\n"s,
                                  "GET  / HTTP/1.1\r\n"s,
                                  "GET /  HTTP/1.1\r\n"s,
                                  "GET / HTTP/1.1 \r\n"s,
                                  "GET\t/ HTTP/1.1\r\n"s,
                                  "GET /\tHTTP/1.1\r\n"s,
                                  "GET /a b HTTP/1.1\r\n"s,
                                  "GET / http/1.1\r\n"s,
                                  "GET / HTTP/1.10\r\n"s,
                                  "GET / HTTP/+1.1\r\n"s,
                                  "GET /\r\n"s,
                                  "GET\r\n"s,
                                  "G(T / HTTP/1.1\r\n"s,
                                  "GET / HTTP/1.1\n\n"s,
                                  "GET /\0 HTTP/1.1\r\n"s,
                                  "GET /\x80 HTTP/1.1\r\n"s,
                                  "GET /\r HTTP/1.1\r\n"s,
                                  "GET * HTTP/1.1\r\n"s,
                                  "GET a HTTP/1.1\r\n"s,
                                  "GET ?a HTTP/1.1\r\n"s,
                                  "GET /#a HTTP/1.1\r\n"s,
                                  "GET api.example.com:443 HTTP/1.1\r\n"s,
                                  "GET https://api.example.com/ HTTP/1.1\r\n"s}) {
    INFO(line);
    CHECK(StatusOf(line + "Host: api.example.com\r\n\r\n") == 400);
  }
}

TEST_CASE("ParseRequest: fields that can be read in two ways are refused", "[egress]") {
  for (const std::string& lines :
       {"A : b\r\n"s, "A\t: b\r\n"s, "A\r\n"s, ": b\r\n"s, "A: b\r\n c\r\n"s, "A: b\r\n\tc\r\n"s,
        " A: b\r\n"s, "A: b\nC: d\r\n"s, "A: b\rC: d\r\n"s, "A: b\0c\r\n"s, "A: \x7f\r\n"s,
        "A: \x80\r\n"s, "A\0: b\r\n"s, "A(b): c\r\n"s, "Host: api.example.com\r\n"s,
        "host: other.example\r\n"s, "Connection: a b\r\n"s, "Connection: \"close\"\r\n"s}) {
    INFO(lines);
    CHECK(StatusOf(kStart + lines + "\r\n") == 400);
  }
}

TEST_CASE("ParseRequest: a host that is none, or missing, is refused", "[egress]") {
  CHECK(StatusOf(kLine + "\r\n") == 400);
  for (const std::string& host : {""s, "127.0.0.1"s, "[::1]"s, "2130706433"s, "a.example:80"s,
                                  "a.example:"s, ":443"s, "a.example:443:443"s, "u@a.example"s,
                                  "a.example/b"s, "a.example, b.example"s, "a..example"s}) {
    INFO(host);
    CHECK(StatusOf(kLine + "Host: " + host + "\r\n\r\n") == 400);
  }
}

TEST_CASE("ParseRequest: no two ways to tell where a body ends", "[egress]") {
  const std::string length = "Content-Length: 4\r\n";
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  for (const std::string& lines : {length + length,
                                   length + "Content-Length: 5\r\n",
                                   length + chunked,
                                   chunked + length,
                                   chunked + chunked,
                                   chunked + "Transfer-Encoding: identity\r\n",
                                   "Content-Length: 4, 4\r\n"s,
                                   "Content-Length:\r\n"s,
                                   "Content-Length: +4\r\n"s,
                                   "Content-Length: -4\r\n"s,
                                   "Content-Length: 0x4\r\n"s,
                                   "Content-Length: 4 4\r\n"s,
                                   "Content-Length: 4.0\r\n"s,
                                   "Content-Length: 4a\r\n"s,
                                   "Content-Length: 9223372036854775808\r\n"s,
                                   "Content-Length: 18446744073709551620\r\n"s,
                                   "Content-Length: 00000000000000000004\r\n"s,
                                   "Transfer-Encoding : chunked\r\n"s,
                                   " Transfer-Encoding: chunked\r\n"s,
                                   "Transfer-Encoding:\x0b"
                                   "chunked\r\n"s}) {
    INFO(lines);
    CHECK(StatusOf(kStart + lines + "\r\n") == 400);
  }
  for (const std::string& coding :
       {"gzip, chunked"s, "chunked, chunked"s, "xchunked"s, "chunked,"s, "\"chunked\""s,
        "chunked;q=1"s, "identity"s, "gzip"s, ""s, "chunked, identity"s}) {
    INFO(coding);
    CHECK(StatusOf(kStart + "Transfer-Encoding: " + coding + "\r\n\r\n") == 501);
  }
}

TEST_CASE("ParseRequest: a body is announced in one way alone", "[egress]") {
  CHECK(StatusOf(kStart + "Expect: 100-Continue\r\nContent-Length: 4\r\n\r\n") == 0);
  for (const std::string& expectation : {"x 100-continue"s, "100-continue, x"s, "x=y"s, ""s}) {
    INFO(expectation);
    CHECK(StatusOf(kStart + "Expect: " + expectation + "\r\n\r\n") == 417);
  }
}

TEST_CASE("ParseRequest: nothing grows without end", "[egress]") {
  CHECK(StatusOf(std::string(32769, 'A')) == 431);
  CHECK(StatusOf(kStart + "A: " + std::string(32768, 'b')) == 431);
  std::string many = kStart;
  for (int i = 0; i < 128; ++i) many += "A: b\r\n";
  CHECK(StatusOf(many + "\r\n") == 431);
  std::string long_one = kStart;
  while (long_one.size() < kMaxRequestHead) long_one += "A: " + std::string(30000, 'b') + "\r\n";
  CHECK(StatusOf(long_one) == 431);
  CHECK(Parsed(kStart + "A: " + std::string(20000, 'b') + "\r\n\r\n").fields.size() == 2);
}

TEST_CASE("OutgoingHead: the secret is there once, in the place of what was sent", "[egress]") {
  const RequestHead head = Outgoing("Authorization: Bearer mine\r\nX-Api-Key: mine\r\n");
  CHECK(head.method == "POST");
  CHECK(head.target == "/v1/messages");
  CHECK(head.host == "api.example.com");
  CHECK(Values(head, "authorization") == std::vector<std::string>{"Bearer s3cret"});
  CHECK(Values(head, "x-api-key").empty());
  CredentialRule rule = Rule();
  rule.header = "x-own-key";
  rule.value = "{secret}";
  const RequestHead other = Outgoing("X-Own-Key: a\r\nx_own-key: b\r\nAuthorization: c\r\n", rule);
  CHECK(Values(other, "x-own-key") == std::vector<std::string>{"s3cret"});
  CHECK(Values(other, "x_own-key").empty());
  CHECK(Values(other, "authorization").empty());
  // What stands in a secret is no placeholder.
  rule.value = "{secret}:{secret}";
  const std::string twice = OutgoingHead(Parsed(kStart + "\r\n"), rule, "a{secret}b");
  CHECK(twice.find("x-own-key: a{secret}b:a{secret}b\r\n") != std::string::npos);
}

TEST_CASE("OutgoingHead: fields of the request go on, those of a connection do not", "[egress]") {
  for (const std::string line :
       {"accept: */*", "content-type: application/json", "user-agent: x", "expect: 100-continue",
        "anthropic-version: 2023-06-01", "x-stainless-retry-count: 0", "idempotency-key: a",
        "if-none-match: a", "origin: null", "content-encoding: gzip"}) {
    INFO(line);
    CHECK(GoesOn(line));
  }
  for (const std::string line :
       {"keep-alive: timeout=5", "proxy-connection: close", "te: trailers", "trailer: a",
        "upgrade: h2c", "http2-settings: AAMAAABkAAQAAP__"}) {
    INFO(line);
    CHECK_FALSE(GoesOn(line));
  }
  const RequestHead named =
      Outgoing("Connection: X-One, x-two\r\nX-One: a\r\nX_Two: b\r\nX-Three: c\r\n");
  CHECK(Values(named, "connection").empty());
  CHECK(Values(named, "x-one").empty());
  CHECK(Values(named, "x_two").empty());
  CHECK(Values(named, "x-three") == std::vector<std::string>{"c"});
}

TEST_CASE("OutgoingHead: nobody else's credential goes on", "[egress]") {
  for (const std::string name : {"authorization",
                                 "proxy-authorization",
                                 "cookie",
                                 "cookie2",
                                 "x-api-key",
                                 "x-goog-api-key",
                                 "api-key",
                                 "private-token",
                                 "job-token",
                                 "deploy-token",
                                 "x-auth-token",
                                 "x-amz-security-token",
                                 "x-nuget-apikey",
                                 "x-auth-key",
                                 "x-functions-key",
                                 "ocp-apim-subscription-key",
                                 "x_api_key",
                                 "x.api.key",
                                 "x~auth_token",
                                 "x-client-secret",
                                 "x-http-method-override",
                                 "x-http-method",
                                 "x-method-override",
                                 "x-original-url",
                                 "x-rewrite-url",
                                 "a-im"}) {
    INFO(name);
    CHECK_FALSE(GoesOn(name + ": a"));
  }
}

TEST_CASE("OutgoingHead: host and framing are written anew, whatever Connection names",
          "[egress]") {
  const std::string tricks =
      "Connection: host, content-length, transfer-encoding, authorization, accept-encoding\r\n"
      "Accept-Encoding: gzip, br\r\n";
  const RequestHead length = Outgoing(tricks + "Content-Length: 007\r\n");
  CHECK(length.host == "api.example.com");
  CHECK(Values(length, "host") == std::vector<std::string>{"api.example.com"});
  CHECK(Values(length, "content-length") == std::vector<std::string>{"7"});
  CHECK(Values(length, "authorization") == std::vector<std::string>{"Bearer s3cret"});
  CHECK(Values(length, "accept-encoding") == std::vector<std::string>{"identity"});
  CHECK_FALSE(length.close);
  const RequestHead chunked = Outgoing(tricks + "transfer-encoding: CHUNKED\r\n");
  CHECK(chunked.body == Body::kChunked);
  CHECK(Values(chunked, "transfer-encoding") == std::vector<std::string>{"chunked"});
  // Readers that take an underscore for a hyphen.
  CHECK_FALSE(GoesOn("content_length: 9"));
  CHECK_FALSE(GoesOn("transfer_encoding: chunked"));
  CHECK(Outgoing("").body == Body::kNone);
  CHECK(Values(Outgoing("Connection: close, x\r\n"), "connection") ==
        std::vector<std::string>{"close"});
}

TEST_CASE("HasCredentialInQuery: keys and tokens are found however they are written", "[egress]") {
  for (const std::string query : {"access_token=a",
                                  "a=b&access_token=c",
                                  "a=b;access_token=c",
                                  "ACCESS_TOKEN=a",
                                  "access%5ftoken=a",
                                  "%61ccess_token=a",
                                  "accessToken=a",
                                  "access-token=a",
                                  "access.token=a",
                                  "access_token[]=a",
                                  "access_token",
                                  "&&key=a",
                                  "key=",
                                  "api_key=a",
                                  "apikey=a",
                                  "Api-Key=a",
                                  "private_token=a",
                                  "job_token=a",
                                  "token=a",
                                  "subscription-key=a",
                                  "X-Amz-Signature=a",
                                  "X-Amz-Credential=a",
                                  "a?b&key=c"}) {
    INFO(query);
    CHECK(HasCredentialInQuery("/path?" + query));
  }
  for (const std::string target :
       {"/path", "/path?", "/key=a", "/path?a=key", "/path?a=access_token", "/path?page_token=a",
        "/path?pageToken=a", "/path?keys=a", "/path?monkey=a", "/path?a=%26key%3db", "/path?a%zz=b",
        "/path?%", "/path?%6"}) {
    INFO(target);
    CHECK_FALSE(HasCredentialInQuery(target));
  }
}

}  // namespace
}  // namespace workmux::egress
