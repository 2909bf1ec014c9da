#include "daemon/adapters/tmux/tmux_quote.h"

#include "tests/support/catch.h"

namespace workmux::daemon {

TEST_CASE("QuoteForTmux: nothing in an argument is special", "[tmux]") {
  const TmuxCommand command = {"set", "a;b #{x} \"'$HOME~\\", "line\nnext\t", "-t", ""};
  CHECK(QuoteForTmux(command) ==
        R"("set" "a\073b \043\173x\175 \042\047\044HOME\176\134" "line\012next\011" "-t" "")");
}

TEST_CASE("QuoteForTmux: a NUL ends an argument", "[tmux]") {
  CHECK(QuoteForTmux(TmuxCommand{std::string("a\0b", 3)}) == "\"a\"");
}

TEST_CASE("BatchArguments: a trailing semicolon is text, between commands it separates", "[tmux]") {
  const std::vector<TmuxCommand> commands = {{"set", "a;", ";"}, {"list-panes", "x;y"}};
  CHECK(BatchArguments(commands) ==
        std::vector<std::string>{"set", "a\\;", "\\;", ";", "list-panes", "x;y"});
}

}  // namespace workmux::daemon
