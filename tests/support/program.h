#pragma once

#include <sys/types.h>
#include <termios.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "common/base/mutex.h"
#include "common/base/unique_fd.h"
#include "common/process/command.h"

namespace workmux::test {

// A program that runs beside the test, in a session of its own: on pipes, or on
// a pseudo-terminal that is its controlling one. Killed at the end of the scope.
class Program {
 public:
  struct Terminal {
    unsigned short rows = 24;
    unsigned short columns = 80;
  };
  // `command.env` is the whole environment. Throws when the program cannot start.
  explicit Program(const Command& command, std::optional<Terminal> terminal = std::nullopt);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int number) const;
  // Writes to the terminal, or to standard input.
  void Type(std::string_view text) const;
  void CloseInput() { in_.Reset(); }
  void Resize(Terminal size) const;
  termios Modes() const;  // of the terminal

  std::string out() const;  // with a terminal: both streams
  std::string err() const;
  bool Prints(std::string_view text,
              std::chrono::milliseconds limit = std::chrono::seconds(20)) const;

  bool Ended();
  // As a shell reports it: 128 + signal; -1 when it did not end in time. On pipes
  // the output is complete then, unless a descendant holds them.
  int Wait(std::chrono::milliseconds limit = std::chrono::seconds(30));

 private:
  void ReadAll();

  pid_t pid_ = -1;
  std::optional<int> code_;
  UniqueFd terminal_;
  UniqueFd slave_;  // kept open, or the modes would go with the last user
  UniqueFd in_;
  UniqueFd out_fd_;
  UniqueFd err_fd_;
  mutable Mutex mu_;
  std::string out_ WM_GUARDED_BY(mu_);
  std::string err_ WM_GUARDED_BY(mu_);
  bool complete_ WM_GUARDED_BY(mu_) = false;
  UniqueFd stop_;
  std::thread reader_;  // last: it uses all of the above
};

}  // namespace workmux::test
