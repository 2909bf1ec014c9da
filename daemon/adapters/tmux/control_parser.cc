#include "daemon/adapters/tmux/control_parser.h"

namespace workmux::daemon {
namespace {

bool Consume(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

}  // namespace

bool ControlParser::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto newline = bytes.find('\n');
    pending_ += bytes.substr(0, newline);
    if (pending_.size() + text_.size() > kMaxBlock) return false;
    if (newline == std::string_view::npos) return true;
    bytes.remove_prefix(newline + 1);
    const std::string line = std::move(pending_);
    pending_.clear();
    Line(line);
  }
  return true;
}

void ControlParser::Line(std::string_view line) {
  if (!in_block_) {
    if (Consume(line, "%begin ")) {
      in_block_ = true;
      guard_ = line;
      own_block_ = line.ends_with(" 1");
      first_line_ = true;
      text_.clear();
    } else if (line.starts_with('%') && !line.starts_with("%output ") &&
               !line.starts_with("%extended-output ")) {
      sink_.on_notification(line);
    }
    return;
  }
  std::string_view rest = line;
  const bool end = Consume(rest, "%end ");
  if ((end || Consume(rest, "%error ")) && rest == guard_) {
    in_block_ = false;
    if (own_block_) sink_.on_reply(TmuxReply{.ok = end, .text = std::move(text_)});
    text_.clear();
    return;
  }
  if (!first_line_) text_ += '\n';
  first_line_ = false;
  text_ += line;
}

std::string UnescapeOctal(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] <= '3' && IsOctal(text[i + 1]) &&
        IsOctal(text[i + 2]) && IsOctal(text[i + 3])) {
      out += static_cast<char>(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) |
                               (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace workmux::daemon
