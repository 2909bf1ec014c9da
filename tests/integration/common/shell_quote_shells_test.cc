#include <iostream>

#include "common/process/posix_command_runner.h"
#include "common/process/shell_quote.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux {
namespace {

using test::Must;

const std::vector<std::string>& NastyWords() {
  static const auto* words = new std::vector<std::string>{
      "plain", "",     " ",     "two words", "it's",  "'",       "''",        "\"",       "\\",
      "\\\\",  "\\'",  "'\\''", "a\\nb",     "$HOME", "${HOME}", "$(echo x)", "`echo x`", "*",
      "?",     "[a]",  "{a,b}", "~",         "~root", "#c",      "a;b",       "a|b",      "a&b",
      "a>b",   "a<b",  "!x",    "!!",        "^a^b",  "=ls",     "-n",        "--",       "%1",
      "(a)",   "a\tb", "a\nb",  "\x1b[31m",  "größe", "end\\"};
  return *words;
}

// Has the shell print every word, each followed by a NUL.
void CheckWords(const std::vector<std::string>& shell, const std::string& home) {
  std::string line = "printf '%s\\0'";
  std::string expected;
  for (const std::string& word : NastyWords()) {
    line += ' ' + ShellQuote(word);
    expected += word + '\0';
  }
  Command command;
  command.argv = shell;
  command.argv.push_back(line);
  command.env = {{"PATH", "/usr/bin:/bin"}, {"HOME", home}, {"LANG", "C.UTF-8"}};
  PosixCommandRunner runner;
  const CommandResult result = Must(runner.Run(command, {}));
  INFO(result.err);
  CHECK(result.exit.ok());
  CHECK(result.out == expected);
}

void CheckShell(const std::vector<std::string>& shell) {
  if (!FindProgram(shell.front(), {{"PATH", "/usr/bin:/bin"}}).ok()) {
    std::cout << "SKIPPED: " << shell.front() << " is not installed\n";
    return;
  }
  test::TempDir home;
  CheckWords(shell, home.path().string());
}

TEST_CASE("ShellQuote: sh reads every word back unchanged", "[shell_quote]") {
  CheckShell({"sh", "-c"});
}
TEST_CASE("ShellQuote: bash reads every word back unchanged", "[shell_quote]") {
  CheckShell({"bash", "--norc", "-c"});
}
TEST_CASE("ShellQuote: zsh reads every word back unchanged", "[shell_quote]") {
  CheckShell({"zsh", "-f", "-c"});
}
TEST_CASE("ShellQuote: fish reads every word back unchanged", "[shell_quote]") {
  CheckShell({"fish", "--no-config", "-c"});
}

}  // namespace
}  // namespace workmux
