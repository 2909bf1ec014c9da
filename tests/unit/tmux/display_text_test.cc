#include "daemon/domain/display_text.h"

#include <random>

#include "tests/support/catch.h"

namespace workmux::daemon {

TEST_CASE("DisplayText: harmless text stays as it is", "[display]") {
  for (const char* text : {"feat-login", "a.b_c@d+e", "über Größe", "修正 バグ", "Ω мир", "-t"}) {
    CHECK(DisplayText(text) == text);
  }
}

TEST_CASE("DisplayText: formats, controls and invisible characters go", "[display]") {
  CHECK(DisplayText("#(touch /x)") == "touch x");
  CHECK(DisplayText("##{E:window_name}%H") == "Ewindow_nameH");
  CHECK(DisplayText("a\x1b]2;t\x07"
                    "b\r\n;c") == "a2tbc");
  CHECK(DisplayText("gnp\u202egpj.exe\u2066") == "gnpgpj.exe");
  CHECK(DisplayText("a\u00adb\u200bc\ufeff\U000E0041") == "abc");
  CHECK(DisplayText("e\u0301\u0301\u0301") == "e");
  CHECK(DisplayText("\u0085\u009b") == "");
  CHECK(DisplayText("\xc0\xafz\xff\xed\xa0\x80\xf5") == "z");
  CHECK(DisplayText(" a \t  b ") == "a b");
}

TEST_CASE("DisplayText: at most 64 columns, wide letters count twice", "[display]") {
  CHECK(DisplayText(std::string(200, 'x')) == std::string(64, 'x'));
  std::string wide;
  for (int i = 0; i < 40; ++i) wide += "修";
  CHECK(DisplayText(wide).size() == 32 * 3);
}

TEST_CASE("DisplayText: random bytes leave only the allowed characters", "[display]") {
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string text(random() % 40, '\0');
    for (char& c : text) {
      const bool special = random() % 3 == 0;
      c = special ? "#(){}[]%;$`\n\x1b"[random() % 13] : static_cast<char>(random() % 256);
    }
    const std::string out = DisplayText(text);
    for (const char c : out) {
      const auto byte = static_cast<unsigned char>(c);
      const bool allowed = byte >= 0x80 || std::isalnum(byte) ||
                           std::string_view(" ._@+-").find(c) != std::string_view::npos;
      REQUIRE(allowed);
    }
    REQUIRE(DisplayText(out) == out);
  }
}

}  // namespace workmux::daemon
