#include "common/process/shell_quote.h"

#include "tests/support/catch.h"

namespace workmux {
namespace {

TEST_CASE("ShellQuote: a plain word needs no quotes", "[shell_quote]") {
  CHECK(ShellQuote("src/main.cc:12,a+b@c%d-e") == "src/main.cc:12,a+b@c%d-e");
}

TEST_CASE("ShellQuote: everything else stands in single quotes", "[shell_quote]") {
  CHECK(ShellQuote("") == "''");
  CHECK(ShellQuote("a b") == "'a b'");
  CHECK(ShellQuote("$(id)") == "'$(id)'");
  CHECK(ShellQuote("~root") == "'~root'");
  CHECK(ShellQuote("it's") == R"('it'"'"'s')");
  CHECK(ShellQuote(R"(a\b)") == R"('a'\\'b')");
}

TEST_CASE("ShellQuoteJoin: separates the words with one space", "[shell_quote]") {
  const std::vector<std::string> words{"git", "commit", "-m", "two words", ""};
  CHECK(ShellQuoteJoin(words) == "git commit -m 'two words' ''");
}

}  // namespace
}  // namespace workmux
