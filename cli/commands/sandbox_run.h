#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "cli/command.h"

namespace workmux::cli {

struct SandboxRunOptions {
  std::string worktree;  // directory; empty: the caller's
  std::string agent;
  std::string backend;
  std::string image;
  std::vector<std::string> command;
};

// What panes run: `command` in the worktree's sandbox on this terminal. A single
// word is a command line for the sandbox's shell, as users write them.
absl::StatusOr<int> RunSandboxRun(const SandboxRunOptions& options, const CommandEnv& env);

// The configured agent, or `command` as an argument vector, in this directory.
absl::StatusOr<int> RunSandboxAgent(const SandboxRunOptions& options, const CommandEnv& env);

struct SandboxShellOptions {
  SandboxRunOptions run;  // without `worktree`
  bool exec = false;      // in a running sandbox of this worktree, not in a new one
  std::string session;    // which one, by session or name; empty: the newest
};

absl::StatusOr<int> RunSandboxShell(const SandboxShellOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
