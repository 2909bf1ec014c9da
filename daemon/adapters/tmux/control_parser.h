#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace workmux::daemon {

// The answer to one command: what it printed, or its error message.
struct TmuxReply {
  bool ok = false;
  std::string text;  // lines joined with '\n', without the last one
};

// Reads the output of `tmux -C` (tmux(1), CONTROL MODE) as it comes, in pieces
// of any size. A block ends only at the %end or %error that repeats its own
// %begin, so a command's output cannot end it. Blocks that no command of this
// client caused (flags 0: the attach itself, hooks) are left out, and so is
// %output.
class ControlParser {
 public:
  struct Sink {
    std::function<void(TmuxReply)> on_reply;                // in the order of the commands
    std::function<void(std::string_view)> on_notification;  // the line, with its '%'
  };
  // Longer lines or blocks end the connection: Feed() returns false.
  static constexpr std::size_t kMaxBlock = 16u << 20;

  explicit ControlParser(Sink sink) : sink_(std::move(sink)) {}

  bool Feed(std::string_view bytes);

 private:
  void Line(std::string_view line);

  Sink sink_;
  std::string pending_;  // an unfinished line
  bool in_block_ = false;
  bool own_block_ = false;
  bool first_line_ = true;
  std::string guard_;  // "1700000000 12 1": what must stand behind %end
  std::string text_;
};

// The text of %output and of subscription values: "\ooo" is one byte.
std::string UnescapeOctal(std::string_view text);

}  // namespace workmux::daemon
