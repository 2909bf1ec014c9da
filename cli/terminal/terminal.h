#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "common/process/command.h"

namespace workmux::cli {

// The three standard streams, by descriptor so that a test can give its own.
class Terminal {
 public:
  Terminal(int in, int out, int err, const Env& env);

  // Results. Text of others goes through Printable() first; what scripts read
  // exactly (a path, JSON) does not when the output is no terminal.
  void Out(std::string_view text) { Write(out_, text); }
  void Err(std::string_view text) { Write(err_, text); }

  bool in_is_tty() const { return in_tty_; }
  bool out_is_tty() const { return out_tty_; }
  bool err_is_tty() const { return err_tty_; }
  // A person can be asked: input and error output are terminals.
  bool interactive() const { return in_tty_ && err_tty_; }
  bool color() const { return color_; }

  // Asks on the error output. kCancelled at the end of input. SIGINT ends the
  // process while it waits.
  absl::StatusOr<std::string> Ask(std::string_view question);
  // Ask, where only "y" and "yes" are yes.
  absl::StatusOr<bool> Confirm(std::string_view question);

  // "workmux: message" and "hint: hint", reduced to harmless characters.
  void PrintError(const absl::Status& status);
  void PrintWarning(std::string_view message);

 private:
  static void Write(int fd, std::string_view text);

  int in_;
  int out_;
  int err_;
  bool in_tty_;
  bool out_tty_;
  bool err_tty_;
  bool color_;
};

// Printable() for text of several lines: newlines and tabs stay.
std::string PrintableLines(std::string_view text);

}  // namespace workmux::cli
