#include "daemon/adapters/tmux/status_format.h"

#include "tests/support/catch.h"

namespace workmux::daemon {

TEST_CASE("WithStatusIcon: the icon stands before the flags", "[tmux]") {
  constexpr char kIcon[] = "#{?@workmux_status, #{@workmux_status},}";
  const auto with = [&](std::string before, std::string after) { return before + kIcon + after; };
  CHECK(WithStatusIcon(kDefaultWindowStatusFormat) ==
        with("#I:#W", "#{?window_flags,#{window_flags}, }"));
  CHECK(WithStatusIcon("#I #{window_flags} x") == with("#I ", "#{window_flags} x"));
  CHECK(WithStatusIcon("#I#F") == with("#I", "#F"));
  CHECK(WithStatusIcon("[#I:#W]") == with("[#I:#W]", ""));
  CHECK(WithStatusIcon("") == with("", ""));
}

TEST_CASE("WithStatusIcon: a format that shows the icon is left alone", "[tmux]") {
  const std::string once = WithStatusIcon(kDefaultWindowStatusFormat);
  CHECK(WithStatusIcon(once) == once);
  CHECK(WithStatusIcon("#{@workmux_status}#W") == "#{@workmux_status}#W");
}

TEST_CASE("ReduceIcon: styles stay, formats and commands go", "[tmux]") {
  CHECK(ReduceIcon("🤖") == "🤖");
  CHECK(ReduceIcon("#[fg=green,bold]W#[default]") == "#[fg=green,bold]W#[default]");
  CHECK(ReduceIcon("#[fg=#ff00aa]x") == "#[fg=#ff00aa]x");
  CHECK(ReduceIcon("#(touch x)") == "(touch x)");
  CHECK(ReduceIcon("##(touch x)") == "(touch x)");
  CHECK(ReduceIcon("#[fg=#(id)]") == "[fg=(id)]");
  CHECK(ReduceIcon("#{E:window_name}") == "{E:window_name}");
  CHECK(ReduceIcon("a\x1b[31mb\n") == "a[31mb");
  CHECK(ReduceIcon(std::string(62, 'x') + "🤖").size() == 62);
}

}  // namespace workmux::daemon
