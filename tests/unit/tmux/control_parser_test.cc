#include "daemon/adapters/tmux/control_parser.h"

#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

struct Collected {
  std::vector<TmuxReply> replies;
  std::vector<std::string> notifications;
  ControlParser parser{
      {.on_reply = [this](TmuxReply reply) { replies.push_back(std::move(reply)); },
       .on_notification = [this](std::string_view line) { notifications.emplace_back(line); }}};
};

constexpr char kSession[] =
    "%begin 1 10 0\n%end 1 10 0\n%session-changed $0 one\n"
    "%begin 2 11 1\na\nb\n%end 2 11 1\n"
    "%window-add @4\n"
    "%begin 2 12 1\ncan't find window: @9\n%error 2 12 1\n"
    "%begin 2 13 1\n%end 2 13 1\n";

}  // namespace

TEST_CASE("ControlParser: replies and notifications come out of any split of the bytes", "[tmux]") {
  const std::string_view bytes = kSession;
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    Collected got;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      REQUIRE(got.parser.Feed(bytes.substr(at, piece)));
    REQUIRE(got.replies.size() == 3);
    CHECK(got.replies[0].ok);
    CHECK(got.replies[0].text == "a\nb");
    CHECK_FALSE(got.replies[1].ok);
    CHECK(got.replies[1].text == "can't find window: @9");
    CHECK(got.replies[2].text.empty());
    CHECK(got.notifications ==
          std::vector<std::string>{"%session-changed $0 one", "%window-add @4"});
  }
}

TEST_CASE("ControlParser: a command's output cannot end its block or forge an event", "[tmux]") {
  Collected got;
  REQUIRE(got.parser.Feed(
      "%begin 2 11 1\n%end 2 12 1\n%window-close @1\n%error 2 11 0\n\n%end 2 11 1\n"));
  REQUIRE(got.replies.size() == 1);
  CHECK(got.replies[0].text == "%end 2 12 1\n%window-close @1\n%error 2 11 0\n");
  CHECK(got.notifications.empty());
}

TEST_CASE("ControlParser: blocks of hooks answer no command", "[tmux]") {
  Collected got;
  REQUIRE(got.parser.Feed("%begin 2 11 0\nnoise\n%end 2 11 0\n%begin 2 12 1\nmine\n%end 2 12 1\n"));
  REQUIRE(got.replies.size() == 1);
  CHECK(got.replies[0].text == "mine");
}

TEST_CASE("ControlParser: pane output is passed over", "[tmux]") {
  Collected got;
  REQUIRE(got.parser.Feed("%output %1 x\\012\n%extended-output %1 0 : y\nloose text\n%exit\n"));
  CHECK(got.notifications == std::vector<std::string>{"%exit"});
}

TEST_CASE("ControlParser: a line without end is refused", "[tmux]") {
  Collected got;
  const std::string piece(1u << 20, 'x');
  bool accepted = true;
  for (int i = 0; i < 20 && accepted; ++i) accepted = got.parser.Feed(piece);
  CHECK_FALSE(accepted);
}

TEST_CASE("UnescapeOctal: only whole octal escapes are bytes", "[tmux]") {
  CHECK(UnescapeOctal("a\\012b\\134c") == "a\nb\\c");
  CHECK(UnescapeOctal("\\377\\400\\09\\1") == "\377\\400\\09\\1");
  CHECK(UnescapeOctal("end\\").ends_with('\\'));
}

}  // namespace workmux::daemon
