#include "common/base/strings.h"

#include "tests/support/catch.h"

namespace workmux {
namespace {

using Pieces = std::vector<std::string>;

TEST_CASE("Split: every separator makes a piece, empty ones too", "[strings]") {
  CHECK(Split("a:b", ':') == Pieces{"a", "b"});
  CHECK(Split(":a::", ':') == Pieces{"", "a", "", ""});
  CHECK(Split("", ':') == Pieces{""});
}

TEST_CASE("SplitLines: a final newline adds no line and CRLF is one line end", "[strings]") {
  CHECK(SplitLines("a\nb\n") == Pieces{"a", "b"});
  CHECK(SplitLines("a\r\n\nb") == Pieces{"a", "", "b"});
  CHECK(SplitLines("").empty());
}

TEST_CASE("LastLines: the end in one line, printable", "[strings]") {
  CHECK(LastLines("", 2).empty());
  CHECK(LastLines("a\nb\x1b[m\n\n", 2) == "a; b?[m");
  CHECK(LastLines("a\nb\nc\n", 2) == "b; c");
}

TEST_CASE("Counted: one is singular, all others are plural", "[strings]") {
  CHECK(Counted(0, "commit") == "0 commits");
  CHECK(Counted(1, "uncommitted change") == "1 uncommitted change");
  CHECK(Counted(2, "commit") == "2 commits");
}

TEST_CASE("Join: is the inverse of Split", "[strings]") {
  const Pieces pieces{"", "a", "", "b"};
  CHECK(Join(pieces, ",") == ",a,,b");
  CHECK(Split(Join(pieces, ","), ',') == pieces);
}

TEST_CASE("Trim: takes white space from both ends only", "[strings]") {
  CHECK(Trim(" \t a b \r\n") == "a b");
  CHECK(Trim(" \n").empty());
}

TEST_CASE("ParseInt: takes a whole decimal number and nothing else", "[strings]") {
  long long value = 0;
  CHECK(ParseInt("-42", value));
  CHECK(value == -42);
  for (const char* text : {"", " 1", "1 ", "+1", "0x10", "1e3", "9223372036854775808"}) {
    INFO(text);
    CHECK_FALSE(ParseInt(text, value));
  }
}

TEST_CASE("Printable: leaves text of every script as it is", "[strings]") {
  for (const char* text : {"plain ~ text", "größe", "日本語", "עברית", "\xF0\x9F\x9A\x80"}) {
    CHECK(Printable(text) == text);
  }
}

TEST_CASE("Printable: no control character gets through", "[strings]") {
  for (int c = 0; c < 0x20; ++c) CHECK(Printable(std::string(1, static_cast<char>(c))) == "?");
  CHECK(Printable("\x1b]0;title\x07") == "?]0;title?");
  CHECK(Printable("\x7f") == "?");
  CHECK(Printable("a\xC2\x9B"
                  "31m") == "a?31m");  // U+009B, CSI as one C1 character
}

TEST_CASE("Printable: bidirectional controls cannot reorder what is shown", "[strings]") {
  for (const char* text : {"\xD8\x9C", "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\xAA",
                           "\xE2\x80\xAE", "\xE2\x81\xA6", "\xE2\x81\xA9"}) {
    CHECK(Printable(text) == "?");
  }
}

TEST_CASE("Printable: bytes that are not UTF-8 become question marks", "[strings]") {
  CHECK(Printable("\xFFz") == "?z");
  CHECK(Printable("\xC0\xAF") == "??");            // overlong '/'
  CHECK(Printable("\xE0\x80\xAF") == "???");       // overlong, three bytes
  CHECK(Printable("\xED\xA0\x80") == "???");       // a surrogate
  CHECK(Printable("\xF4\x90\x80\x80") == "????");  // above U+10FFFF
  CHECK(Printable("ok\xE2\x82") == "ok??");        // cut short
}

}  // namespace
}  // namespace workmux
