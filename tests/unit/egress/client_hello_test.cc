#include "daemon/egress/client_hello.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace workmux::egress {
namespace {

using State = ClientHelloParse::State;

std::string Number(std::size_t number, int width) {
  std::string text;
  for (int i = width - 1; i >= 0; --i) text += static_cast<char>(number >> (8 * i));
  return text;
}
std::string Vector(const std::string& body, int width) { return Number(body.size(), width) + body; }
std::string Extension(std::size_t type, const std::string& body) {
  return Number(type, 2) + Vector(body, 2);
}
std::string NameExtension(const std::string& name) {
  return Extension(0, Vector(Number(0, 1) + Vector(name, 2), 2));
}
std::string Hello(const std::string& extensions) {
  const std::string body = "\x03\x03" + std::string(32, 'r') + Vector("", 1) +
                           Vector(std::string("\x13\x01"), 2) + Vector(std::string(1, '\0'), 1) +
                           extensions;
  return std::string(1, '\x01') + Vector(body, 3);
}
std::string Records(const std::string& message, std::size_t size = 16384) {
  std::string text;
  for (std::size_t at = 0; at < message.size(); at += size)
    text += "\x16\x03\x01" + Vector(message.substr(at, size), 2);
  return text;
}
std::string With(const std::string& extensions) { return Records(Hello(Vector(extensions, 2))); }

TEST_CASE("ParseClientHello: the name is found, at the last byte and not before", "[egress]") {
  const std::string hello = With(Extension(10, "abc") + NameExtension("api.example.com"));
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
  const std::string message = Hello(Vector(NameExtension("api.example.com"), 2));
  for (const std::size_t size : {1u, 2u, 3u, 5u, 40u}) {
    INFO(size);
    const ClientHelloParse parse = ParseClientHello(Records(message, size));
    REQUIRE(parse.state == State::kComplete);
    CHECK(parse.server_name == "api.example.com");
  }
}

TEST_CASE("ParseClientHello: no name, and a hidden one, can be told", "[egress]") {
  CHECK(ParseClientHello(Records(Hello(""))).state == State::kComplete);
  CHECK(ParseClientHello(With("")).server_name.empty());
  const ClientHelloParse hidden =
      ParseClientHello(With(NameExtension("a.b") + Extension(0xfe0d, "x")));
  CHECK(hidden.has_encrypted_hello);
  CHECK(hidden.server_name == "a.b");
}

TEST_CASE("ParseClientHello: what is no hello is told at once", "[egress]") {
  for (const std::string& text :
       {std::string("SSH-2.0-OpenSSH"), std::string("GET / HTTP/1.1"), std::string("\x15\x03\x01"),
        std::string("\x16\x02"), std::string("\x16\x03\x01\x00\x00", 5),
        std::string("\x16\x03\x01\x40\x01", 5), Records("\x02" + Vector("abc", 3)),
        Records(std::string("\x01\x01\x00\x00", 4))}) {
    INFO(text);
    CHECK(ParseClientHello(text).state == State::kNotTls);
  }
}

TEST_CASE("ParseClientHello: a hello that lies about a length or a name is none", "[egress]") {
  const std::string name = NameExtension("a.b");
  for (const std::string& extensions :
       {name + name, Extension(0, ""), Extension(0, Vector("", 2)),
        Extension(0, Vector(Number(0, 1) + Vector("", 2), 2)),
        Extension(0, Vector(Number(1, 1) + Vector("a.b", 2), 2)),
        Extension(0, Vector(Number(0, 1) + Vector("a.b", 2), 2) + "x"),
        Extension(0, Vector(Number(0, 1) + Vector("a.b", 2) + Number(0, 1) + Vector("c.d", 2), 2)),
        Number(0, 2) + Number(99, 2) + "short", std::string("\x00", 1)}) {
    CHECK(ParseClientHello(With(extensions)).state == State::kNotTls);
  }
  CHECK(ParseClientHello(Records(Hello(Vector(name, 2) + "x"))).state == State::kNotTls);
  CHECK(ParseClientHello(Records(Hello(Number(99, 2)))).state == State::kNotTls);
}

TEST_CASE("ParseClientHello: random changes are read to an end", "[egress]") {
  const std::string hello = With(Extension(10, "abc") + NameExtension("api.example.com"));
  std::mt19937 random(1);
  for (int i = 0; i < 100'000; ++i) {
    std::string text = hello;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes)
      text[random() % text.size()] = static_cast<char>(random());
    const ClientHelloParse parse = ParseClientHello(text);
    if (parse.state != State::kComplete && !parse.server_name.empty()) FAIL(i);
  }
}

}  // namespace
}  // namespace workmux::egress
