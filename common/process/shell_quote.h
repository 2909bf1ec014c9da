#pragma once

#include <span>
#include <string>
#include <string_view>

namespace workmux {

// One word for a shell: safe in POSIX shells, bash, zsh and fish, for text that
// is typed into a pane. Our own children get argv arrays and never need this.
std::string ShellQuote(std::string_view word);
std::string ShellQuoteJoin(std::span<const std::string> words);

}  // namespace workmux
