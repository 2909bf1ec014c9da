#include "daemon/broker/answer_screen.h"

#include "tests/support/catch.h"

namespace workmux::broker {

TEST_CASE("AnswerScreen: finds a secret however the answer is cut, and tells nothing of it") {
  const std::string secret = "0123456789abcdef";
  const std::string answer = "before 0123456789abcdef after";
  for (const bool follows : {true, false}) {
    for (std::size_t cut = 1; cut < answer.size(); ++cut) {
      INFO(cut);
      AnswerScreen screen;
      bool clean = screen.Take(answer.substr(0, cut), secret);
      const std::string told = clean ? screen.Release(/*all=*/!follows) : "";
      if (clean) clean = screen.Take(answer.substr(cut), secret);
      CHECK_FALSE(clean);
      if (follows) CHECK(told.size() <= 7);
    }
  }
}

TEST_CASE("AnswerScreen: what waits does not depend on the secret") {
  const std::string secret = "0123456789abcdef";
  for (const bool all : {true, false}) {
    for (std::size_t known = 0; known < secret.size(); ++known) {
      std::string other = std::string(secret.size(), 'x');
      AnswerScreen right;
      AnswerScreen wrong;
      REQUIRE(right.Take("an answer of some length " + secret.substr(0, known), secret));
      REQUIRE(wrong.Take("an answer of some length " + other.substr(0, known), secret));
      CHECK(right.Release(all).size() == wrong.Release(all).size());
    }
  }
}

TEST_CASE("AnswerScreen: everything else goes on unchanged, at the end all of it") {
  AnswerScreen screen;
  std::string passed;
  for (const std::string part : {"a 01234567", "89abcdeX", " 0123456789", "", "more"}) {
    REQUIRE(screen.Take(part, "0123456789abcdef"));
    passed += screen.Release(part.empty() || part == "more");
    if (part.empty()) CHECK(passed == "a 0123456789abcdeX 0123456789");
  }
  CHECK(passed == "a 0123456789abcdeX 0123456789more");
}

TEST_CASE("AnswerScreen: no secret, or one that is in everything, is not looked for") {
  for (const std::string secret : {"", "a", "1234567"}) {
    AnswerScreen screen;
    CHECK(screen.Take("a 1234567", secret));
    CHECK(screen.Release(/*all=*/false) == "a 1234567");
  }
}

}  // namespace workmux::broker
