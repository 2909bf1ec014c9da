#include "daemon/egress/client_hello.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/tls_hello.h"

namespace workmux::egress {
namespace {

using test::TlsExtension;
using test::TlsHello;
using test::TlsNameExtension;
using test::TlsNumber;
using test::TlsRecords;
using test::TlsVector;

using State = ClientHelloParse::State;

std::string With(const std::string& extensions) {
  return TlsRecords(TlsHello(TlsVector(extensions, 2)));
}

TEST_CASE("ParseClientHello: the name is found, at the last byte and not before", "[egress]") {
  const std::string hello = With(TlsExtension(10, "abc") + TlsNameExtension("api.example.com"));
  for (std::size_t size = 0; size < hello.size(); ++size) {
    INFO(size);
    CHECK(ParseClientHello(hello.substr(0, size)).state == State::kIncomplete);
  }
  const ClientHelloParse parse = ParseClientHello(hello + "more");
  REQUIRE(parse.state == State::kComplete);
  CHECK(parse.server_name == "api.example.com");
  CHECK_FALSE(parse.has_encrypted_hello);
}

TEST_CASE("ParseClientHello: a hello cut into many records is put together", "[egress]") {
  const std::string message = TlsHello(TlsVector(TlsNameExtension("api.example.com"), 2));
  for (const std::size_t size : {1u, 2u, 3u, 5u, 40u}) {
    INFO(size);
    const ClientHelloParse parse = ParseClientHello(TlsRecords(message, size));
    REQUIRE(parse.state == State::kComplete);
    CHECK(parse.server_name == "api.example.com");
  }
}

TEST_CASE("ParseClientHello: no name, and a hidden one, can be told", "[egress]") {
  CHECK(ParseClientHello(TlsRecords(TlsHello(""))).state == State::kComplete);
  CHECK(ParseClientHello(With("")).server_name.empty());
  const ClientHelloParse hidden =
      ParseClientHello(With(TlsNameExtension("a.b") + TlsExtension(0xfe0d, "x")));
  CHECK(hidden.has_encrypted_hello);
  CHECK(hidden.server_name == "a.b");
}

TEST_CASE("ParseClientHello: what is no hello is told at once", "[egress]") {
  for (const std::string& text :
       {std::string("SSH-2.0-OpenSSH"), std::string("GET / HTTP/1.1"), std::string("\x15\x03\x01"),
        std::string("\x16\x02"), std::string("\x16\x03\x01\x00\x00", 5),
        std::string("\x16\x03\x01\x40\x01", 5), TlsRecords("\x02" + TlsVector("abc", 3)),
        TlsRecords(std::string("\x01\x01\x00\x00", 4))}) {
    INFO(text);
    CHECK(ParseClientHello(text).state == State::kNotTls);
  }
}

TEST_CASE("ParseClientHello: a hello that lies about a length or a name is none", "[egress]") {
  const std::string name = TlsNameExtension("a.b");
  for (const std::string& extensions :
       {name + name, TlsExtension(0, ""), TlsExtension(0, TlsVector("", 2)),
        TlsExtension(0, TlsVector(TlsNumber(0, 1) + TlsVector("", 2), 2)),
        TlsExtension(0, TlsVector(TlsNumber(1, 1) + TlsVector("a.b", 2), 2)),
        TlsExtension(0, TlsVector(TlsNumber(0, 1) + TlsVector("a.b", 2), 2) + "x"),
        TlsExtension(0, TlsVector(TlsNumber(0, 1) + TlsVector("a.b", 2) + TlsNumber(0, 1) +
                                      TlsVector("c.d", 2),
                                  2)),
        TlsNumber(0, 2) + TlsNumber(99, 2) + "short", std::string("\x00", 1)}) {
    CHECK(ParseClientHello(With(extensions)).state == State::kNotTls);
  }
  CHECK(ParseClientHello(TlsRecords(TlsHello(TlsVector(name, 2) + "x"))).state == State::kNotTls);
  CHECK(ParseClientHello(TlsRecords(TlsHello(TlsNumber(99, 2)))).state == State::kNotTls);
}

TEST_CASE("ParseClientHello: random changes are read to an end", "[egress]") {
  const std::string hello = With(TlsExtension(10, "abc") + TlsNameExtension("api.example.com"));
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    std::string text = hello;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes)
      text[random() % text.size()] = static_cast<char>(random());
    const ClientHelloParse parse = ParseClientHello(text);
    if (parse.state != State::kComplete && !parse.server_name.empty()) FAIL(i);
  }
}

// As a hostile client sends it; control: to look at everything anew with each byte.
TEST_CASE("ClientHelloReader: single bytes in records of their own cost what the whole costs",
          "[egress]") {
  const std::string message =
      TlsHello(TlsVector(TlsExtension(10, std::string(15'000, 'x')) + TlsNameExtension("a.b"), 2));
  const std::string wire = TlsRecords(message, 1);
  const auto time = [](const auto& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::steady_clock::now() - begin;
  };
  ClientHelloReader reader;
  ClientHelloParse last;
  const auto once = time([&] {
    for (std::size_t at = 0; at < wire.size(); ++at)
      last = reader.Take(std::string_view(wire).substr(at, 1));
  });
  CHECK(last.state == State::kComplete);
  CHECK(last.server_name == "a.b");
  CHECK(reader.Take("more").server_name == "a.b");
  const auto anew = time([&] {
    for (std::size_t at = wire.size() - 1000; at < wire.size(); ++at)
      ParseClientHello(std::string_view(wire).substr(0, at));
  });
  // Of the latter one byte in ninety was tried.
  CHECK(once < anew);
}

}  // namespace
}  // namespace workmux::egress
