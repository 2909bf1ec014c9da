#include "daemon/adapters/tmux/tmux_quote.h"

namespace workmux::daemon {
namespace {

bool IsPlain(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 ||
         std::string_view(" _./:=@%+,-").find(static_cast<char>(c)) != std::string_view::npos;
}

void AppendQuoted(std::string& line, std::string_view word) {
  line += '"';
  for (const char raw : word) {
    const auto c = static_cast<unsigned char>(raw);
    if (c == 0) break;
    if (IsPlain(c)) {
      line += raw;
      continue;
    }
    line += '\\';
    line += static_cast<char>('0' + (c >> 6));
    line += static_cast<char>('0' + ((c >> 3) & 7));
    line += static_cast<char>('0' + (c & 7));
  }
  line += '"';
}

}  // namespace

std::string QuoteForTmux(std::span<const std::string> command) {
  std::string line;
  for (const std::string& word : command) {
    if (!line.empty()) line += ' ';
    AppendQuoted(line, word);
  }
  return line;
}

std::vector<std::string> BatchArguments(std::span<const TmuxCommand> commands) {
  std::vector<std::string> arguments;
  for (const TmuxCommand& command : commands) {
    if (!arguments.empty()) arguments.emplace_back(";");
    for (const std::string& word : command) {
      std::string escaped = word.substr(0, word.find('\0'));
      if (escaped.ends_with(';')) escaped.insert(escaped.size() - 1, 1, '\\');
      arguments.push_back(std::move(escaped));
    }
  }
  return arguments;
}

}  // namespace workmux::daemon
