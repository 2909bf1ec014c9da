#include "common/process/shell_quote.h"

namespace workmux {
namespace {

constexpr std::string_view kPlain =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+:,./-";

}  // namespace

std::string ShellQuote(std::string_view word) {
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(word);
  }
  // Between single quotes a POSIX shell takes every character as it is, but fish
  // reads a backslash before a quote or a backslash as an escape. Both characters
  // are therefore written outside of them, in a form that all shells read alike.
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\"'\"'";
    } else if (c == '\\') {
      quoted += "'\\\\'";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string ShellQuoteJoin(std::span<const std::string> words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    line += ShellQuote(word);
  }
  return line;
}

}  // namespace workmux
