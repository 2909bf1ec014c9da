#pragma once

// The nouns of the daemon. Plain data, no behaviour.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/process/command.h"

namespace workmux::daemon {

// A repository is known by its common git directory, canonical. A bare
// repository has no main worktree.
struct Repository {
  std::filesystem::path common_dir;
  std::filesystem::path main_worktree;  // empty when bare
  bool operator==(const Repository&) const = default;
};

// One checkout. Identity is (repository, path): never a bare name.
struct Worktree {
  Repository repository;
  std::filesystem::path path;     // canonical root of the checkout
  std::filesystem::path git_dir;  // <common>/worktrees/<id>, or the common dir for the main one
  std::string branch;             // short name, empty when detached
  std::string head;               // object id; empty on an unborn branch or when only git can tell
  bool is_main = false;
  bool locked = false;
  bool missing = false;  // git knows it, its directory is gone
  std::string handle() const { return path.filename().string(); }
};

// A pane for as long as its tmux server lives.
struct PaneRef {
  std::string tmux_socket;   // path of the server's socket
  std::string server_start;  // #{start_time}: another value is another server
  std::string pane_id;       // "%12"
  auto operator<=>(const PaneRef&) const = default;
};

enum class AgentStatus { kNone, kWorking, kWaiting, kDone };

// What the client runs on its own terminal.
struct ExecPlan {
  std::vector<std::string> argv;
  Env env;
  std::filesystem::path cwd;
  std::vector<InheritedFile> files;
  // Started with SIGINT and SIGQUIT ignored; a step of argv restores them.
  bool ignore_keyboard_signals = false;
};

// Where the caller stands; travels with every request and is never stored.
struct Caller {
  std::filesystem::path cwd;
  Env env;
  std::filesystem::path cli_path;
  bool interactive = false;
};

}  // namespace workmux::daemon
