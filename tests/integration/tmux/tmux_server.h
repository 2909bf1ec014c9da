#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/process/posix_command_runner.h"
#include "daemon/adapters/tmux/tmux_servers.h"
#include "daemon/ports/multiplexer.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

// A tmux server on a socket in a directory of its own, with that directory as
// home and no configuration but `config`. Ended with the object.
class TmuxServer {
 public:
  explicit TmuxServer(const std::string& config = "");
  ~TmuxServer();

  std::string socket() const { return (dir_ / "s").string(); }
  const TempDir& dir() const { return dir_; }
  // tmux's stdout followed by its stderr, without the last newline.
  std::string Run(std::vector<std::string> arguments);
  // A window of one shell in the directory, ready for CreateWindow.
  daemon::WindowSpec Window(const std::string& name, const std::string& command = "") const;
  std::string PaneOf(const std::string& target) {
    return Run({"display-message", "-p", "-t", target, "#{pane_id}"});
  }

 private:
  TempDir dir_;
  PosixCommandRunner runner_;
};

inline const std::string kToken = "0123456789abcdef0123456789abcdef";

// False, having said so, when there is no such program.
bool HaveProgram(const std::string& name);

}  // namespace workmux::test
