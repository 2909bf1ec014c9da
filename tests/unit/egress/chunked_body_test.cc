#include "daemon/egress/chunked_body.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tests/support/catch.h"

namespace workmux::egress {
namespace {

using State = ChunkedBody::State;
using std::string_literals::operator""s;

struct Taken {
  State state = State::kMore;
  std::string out;
  std::string rest;
};

// In pieces of `size` bytes.
Taken Take(const std::string& received, std::size_t size) {
  ChunkedBody body;
  Taken taken;
  for (std::size_t at = 0; at < received.size() && taken.state == State::kMore; at += size) {
    std::string_view piece = std::string_view(received).substr(at, size);
    taken.state = body.Take(piece, taken.out);
    if (taken.state == State::kMore) CHECK(piece.empty());
    taken.rest = std::string(piece) + received.substr(std::min(at + size, received.size()));
  }
  return taken;
}

Taken Take(const std::string& received) { return Take(received, received.size()); }

State StateOf(const std::string& received) {
  const State at_once = Take(received).state;
  const State byte_by_byte = Take(received, 1).state;
  CHECK(at_once == byte_by_byte);
  return at_once;
}

// As a server reads what went on.
std::string DataOf(const std::string& chunked) {
  std::string data;
  for (std::size_t at = 0;;) {
    const std::size_t end = chunked.find("\r\n", at);
    REQUIRE(end != std::string::npos);
    const std::size_t size = std::stoul(chunked.substr(at, end - at), nullptr, 16);
    if (size == 0) {
      CHECK(chunked.substr(end) == "\r\n\r\n");
      return data;
    }
    data += chunked.substr(end + 2, size);
    CHECK(chunked.substr(end + 2 + size, 2) == "\r\n");
    at = end + 2 + size + 2;
  }
}

TEST_CASE("ChunkedBody: data goes on, extensions and trailer fields do not", "[egress]") {
  const std::string sent =
      "5;name=\"value\"\r\nhello\r\n00B\r\n, \r\n\0 world\r\n0;last\r\n"
      "Authorization: Bearer mine\r\nX: y\r\n\r\nGET / HTTP/1.1\r\n"s;
  for (const std::size_t size : {sent.size(), std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    INFO(size);
    const Taken taken = Take(sent, size);
    REQUIRE(taken.state == State::kDone);
    CHECK(taken.rest == "GET / HTTP/1.1\r\n");
    CHECK(DataOf(taken.out) == "hello, \r\n\0 world"s);
    CHECK(taken.out.find("name") == std::string::npos);
    CHECK(taken.out.find("mine") == std::string::npos);
  }
}

TEST_CASE("ChunkedBody: what was decided stays", "[egress]") {
  ChunkedBody done;
  std::string out;
  std::string_view end = "0\r\n\r\n";
  CHECK(done.Take(end, out) == State::kDone);
  CHECK(out == "0\r\n\r\n");
  std::string_view next = "5\r\nhello\r\n";
  CHECK(done.Take(next, out) == State::kDone);
  CHECK(next.size() == 10);
  CHECK(out == "0\r\n\r\n");

  ChunkedBody malformed;
  std::string_view bad = "x";
  CHECK(malformed.Take(bad, out) == State::kMore);
  bad = "\r\n";
  CHECK(malformed.Take(bad, out) == State::kMalformed);
  CHECK(malformed.Take(next, out) == State::kMalformed);
  CHECK(next.size() == 10);
}

TEST_CASE("ChunkedBody: a body without its end is not done", "[egress]") {
  const std::string whole = "3\r\nabc\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    INFO(size);
    CHECK(StateOf(whole.substr(0, size)) == State::kMore);
  }
  CHECK(StateOf(whole) == State::kDone);
}

TEST_CASE("ChunkedBody: what can be read in two ways is malformed", "[egress]") {
  for (const std::string& text : {"\r\n"s,
                                  ";a\r\n"s,
                                  "-1\r\n"s,
                                  "+1\r\n"s,
                                  "0x1\r\n"s,
                                  "g\r\n"s,
                                  " 1\r\na\r\n"s,
                                  "1 \r\na\r\n"s,
                                  "1 ;a\r\na\r\n"s,
                                  "1\t\r\na\r\n"s,
                                  "1,1\r\na\r\n"s,
                                  "1\na\r\n"s,
                                  "1\rX"s,
                                  "1;a\rb\r\n"s,
                                  "1;a\nb\r\n"s,
                                  "1;a\0b\r\n"s,
                                  "1;\x80\r\n"s,
                                  "1\r\nab"s,
                                  "1\r\na\n"s,
                                  "1\r\na\rb"s,
                                  "1\r\na0\r\n\r\n"s,
                                  "2\r\na\r\n0\r\n\r\n"s,
                                  "00000000000000001\r\n"s,
                                  "10000000000000000\r\n"s,
                                  "0\r\n folded\r\n\r\n"s,
                                  "0\r\nA : b\r\n\r\n"s,
                                  "0\r\nno field\r\n\r\n"s,
                                  "0\r\nA: b\nC: d\r\n\r\n"s,
                                  "0\r\nA: \0\r\n\r\n"s,
                                  "0\n\r\n"s,
                                  "0\r\n\n"s}) {
    INFO(text);
    CHECK(StateOf(text) == State::kMalformed);
  }
}

TEST_CASE("ChunkedBody: the largest size is no overflow", "[egress]") {
  const Taken taken = Take("ffffFFFFffffFFFF\r\nabc");
  CHECK(taken.state == State::kMore);
  CHECK(taken.out == "3\r\nabc\r\n");
}

TEST_CASE("ChunkedBody: nothing grows without end", "[egress]") {
  CHECK(StateOf("1;" + std::string(4096, 'a')) == State::kMalformed);
  CHECK(StateOf("1;" + std::string(4000, 'a')) == State::kMore);
  CHECK(StateOf("0\r\nA: " + std::string(4096, 'a')) == State::kMalformed);
  std::string trailer = "0\r\n";
  for (int i = 0; i < 9; ++i) trailer += "A: " + std::string(1000, 'b') + "\r\n";
  CHECK(StateOf(trailer) == State::kMalformed);
}

}  // namespace
}  // namespace workmux::egress
