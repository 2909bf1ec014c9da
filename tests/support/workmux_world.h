#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/process/command.h"
#include "tests/support/git_repo.h"
#include "tests/support/program.h"

namespace workmux::test {

// One user's whole workmux: a home, a runtime directory, a repository, a tmux
// server of its own, and the three programs of the build tree. Everything that
// was started with this home ends with the object. Works for any user.
class WorkmuxWorld {
 public:
  // `config` is the global configuration file's text.
  explicit WorkmuxWorld(const std::string& config = "");
  ~WorkmuxWorld();
  WorkmuxWorld(const WorkmuxWorld&) = delete;
  WorkmuxWorld& operator=(const WorkmuxWorld&) = delete;

  const std::filesystem::path& area() const { return git_.area(); }  // holds all the others
  std::filesystem::path home() const { return area() / "home"; }
  std::filesystem::path repo() const { return git_.root(); }  // the main checkout, branch `main`
  std::filesystem::path runtime() const { return area() / "r"; }
  std::filesystem::path state() const { return home() / ".local/state/workmux"; }
  std::filesystem::path socket() const { return runtime() / "workmux/workmuxd.sock"; }
  std::filesystem::path bin() const { return area() / "bin"; }  // first in PATH
  static std::filesystem::path cli();
  static std::filesystem::path daemon_program();
  // What every command gets; a test may change it.
  Env& env() { return env_; }
  GitRepo& git() { return git_; }

  void SetConfig(std::string_view text) const;         // ~/.config/workmux/config.yaml
  void SetProjectConfig(std::string_view text) const;  // committed as .workmux.yaml
  // An executable in bin().
  std::filesystem::path Install(std::string_view name, std::string_view script) const;

  struct Where {
    std::filesystem::path cwd;  // empty: the main checkout
    Env env;                    // on top of env()
    std::string input;
    std::chrono::milliseconds limit{std::chrono::seconds(60)};
  };
  // `workmux ARGUMENTS`, to its end. The first throws when it fails and gives
  // its standard output without white space at the end.
  std::string Must(const std::vector<std::string>& arguments, const Where& where) const;
  std::string Must(const std::vector<std::string>& arguments) const {
    return Must(arguments, Where());
  }
  CommandResult Run(const std::vector<std::string>& arguments, const Where& where) const;
  CommandResult Run(const std::vector<std::string>& arguments) const {
    return Run(arguments, Where());
  }
  CommandResult RunCommand(std::vector<std::string> argv, const Where& where) const;
  // The same beside the test.
  std::unique_ptr<Program> Start(const std::vector<std::string>& arguments,
                                 std::optional<Program::Terminal> terminal = std::nullopt) const;
  std::unique_ptr<Program> StartCommand(
      std::vector<std::string> argv,
      std::optional<Program::Terminal> terminal = std::nullopt) const;

  // A detached session "main" of 160 × 48 in the main checkout, without a status
  // line; panes get env(). Called by the first Tmux() if not before.
  void StartTmux(const std::string& extra_config = "");
  // stdout without the last newline; Tmux throws when tmux fails.
  std::string Tmux(std::vector<std::string> arguments);
  CommandResult TryTmux(std::vector<std::string> arguments) const;
  std::filesystem::path tmux_socket() const { return area() / "t"; }
  pid_t TmuxPid();
  // Types a line into the pane of "main" and waits for nothing.
  void TypeInPane(const std::string& target, const std::string& line);
  std::string PaneText(const std::string& target);  // with history
  // "" when there is none.
  std::string PaneOfWindow(const std::string& window_name);

  // Daemons with this home that run now.
  std::vector<pid_t> Daemons() const;
  // The one daemon; 0 without one, throws with several.
  pid_t Daemon() const;
  // SIGKILL to it, and waits for its end.
  void KillDaemon() const;
  std::string DaemonLog() const;
  // Names of the world's containers; "docker" or "podman".
  std::vector<std::string> Containers(const std::string& program) const;
  // All processes with this home in their environment: agents in namespaces, shells in panes.
  std::vector<pid_t> Processes() const;

 private:
  Command MakeCommand(std::vector<std::string> argv, const Where& where) const;
  void GivePodman();
  void RemoveContainers() const;

  GitRepo git_;
  Env env_;
  bool tmux_started_ = false;
};

// argv of a process, words separated by blanks; "" when it is gone.
std::string CommandLine(pid_t pid);
// Not gone and not a zombie.
bool IsAlive(pid_t pid);
bool WaitForEnd(pid_t pid, std::chrono::milliseconds limit = std::chrono::seconds(10));

// False, having printed the SKIPPED line, where the tool cannot be used.
bool HaveTmux();
bool HaveBubblewrap();
bool HaveDocker();
bool HavePodman();
// The same by name: "namespace", "docker", "podman". Where WORKMUX_TEST_ENGINE names one
// the others are left out without a word.
bool CanUse(const std::string& engine);
// `sandbox:` and the lines below it that choose this engine and the tests' image;
// more keys of the section can follow, indented by two.
std::string SandboxConfigFor(const std::string& engine);
// The same with keys of its section `container`, indented by four.
std::string SandboxConfigFor(const std::string& engine, const std::string& container);
// WORKMUX_TEST_IMAGE, else workmux-test:base.
std::string TestImage();
// Running containers with the worktree (any directory) mounted.
std::vector<std::string> ContainersOf(const std::filesystem::path& directory);
// stdout of docker, without white space at the end; throws when it fails.
std::string Docker(const std::vector<std::string>& arguments);
// Variables that name the settings of the tests' Podman (containers.conf(5)), whose
// store has the image; nothing without it.
Env PodmanEnv();

}  // namespace workmux::test
