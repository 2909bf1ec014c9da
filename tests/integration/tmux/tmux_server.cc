#include "tests/integration/tmux/tmux_server.h"

#include <iostream>

#include "tests/support/status_matchers.h"

namespace workmux::test {

TmuxServer::TmuxServer(const std::string& config) {
  WriteFile(dir_ / "tmux.conf", config + "\n");
  WriteFile(dir_ / "main/readme", "");
  const std::string failed =
      Run({"-f", (dir_ / "tmux.conf").string(), "new-session", "-d", "-s", "main", "-x", "160",
           "-y", "48", "-c", (dir_ / "main").string(), "/bin/sh"});
  INFO(failed);
  REQUIRE(failed.empty());
}

TmuxServer::~TmuxServer() { Run({"kill-server"}); }

std::string TmuxServer::Run(std::vector<std::string> arguments) {
  Command command;
  command.argv = {"tmux", "-u", "-S", socket()};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                 {"HOME", dir_.path().string()},
                 {"SHELL", "/bin/bash"},
                 {"TERM", "xterm-256color"},
                 {"LC_ALL", "C.UTF-8"}};
  command.cwd = dir_.path();
  auto result = runner_.Run(command, RunOptions());
  if (!result.ok()) return result.status().ToString();
  std::string text = result->out + result->err;
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

daemon::WindowSpec TmuxServer::Window(const std::string& name, const std::string& command) const {
  daemon::WindowSpec spec;
  spec.name = name;
  spec.token = kToken;
  spec.shell = "/bin/bash";
  spec.background = true;
  spec.panes.emplace_back();
  spec.panes.back().cwd = dir_.path();
  spec.panes.back().command = command;
  return spec;
}

bool HaveProgram(const std::string& name) {
  if (FindProgram(name, CurrentEnv()).ok()) return true;
  std::cout << "SKIPPED: no " << name << "\n";
  return false;
}

}  // namespace workmux::test
