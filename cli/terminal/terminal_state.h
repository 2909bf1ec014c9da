#pragma once

#include <sys/types.h>
#include <termios.h>

#include <optional>

namespace workmux::cli {

// Remembers a terminal's modes and foreground group, and puts them back: a
// program that was killed leaves both as it had them. What was typed and not
// read meanwhile is thrown away, or a hostile program's left-over replies to
// terminal queries would be read by the shell that follows.
class TerminalState {
 public:
  // `fd` need not be a terminal; then nothing happens.
  explicit TerminalState(int fd);
  ~TerminalState() { Restore(); }
  TerminalState(const TerminalState&) = delete;
  TerminalState& operator=(const TerminalState&) = delete;

  void Restore();  // idempotent

 private:
  int fd_;
  std::optional<termios> modes_;
  pid_t foreground_ = -1;
};

}  // namespace workmux::cli
