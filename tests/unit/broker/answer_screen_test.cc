#include "daemon/broker/answer_screen.h"

#include "tests/support/catch.h"

namespace workmux::broker {

TEST_CASE("AnswerScreen: finds a secret however the answer is cut, and tells little of it") {
  const std::string secret = "0123456789abcdef";
  const std::string answer = "before 0123456789abcdef after";
  for (std::size_t cut = 1; cut < answer.size(); ++cut) {
    INFO(cut);
    AnswerScreen screen;
    bool clean = screen.Take(answer.substr(0, cut), secret);
    std::string told = clean ? screen.Release(false) : "";
    if (clean) clean = screen.Take(answer.substr(cut), secret);
    CHECK_FALSE(clean);
    CHECK(told.size() < 7 + AnswerScreen::kShortest);
  }
}

TEST_CASE("AnswerScreen: everything else goes on unchanged, at the end all of it") {
  AnswerScreen screen;
  std::string passed;
  for (const std::string part : {"a 01234567", "89abcdeX", " 0123456789", ""}) {
    REQUIRE(screen.Take(part, "0123456789abcdef"));
    passed += screen.Release(part.empty());
  }
  CHECK(passed == "a 0123456789abcdeX 0123456789");
}

TEST_CASE("AnswerScreen: no secret, or one that is in everything, is not looked for") {
  for (const std::string secret : {"", "a", "1234567"}) {
    AnswerScreen screen;
    CHECK(screen.Take("a 1234567", secret));
    CHECK(screen.Release(false) == "a 1234567");
  }
}

}  // namespace workmux::broker
