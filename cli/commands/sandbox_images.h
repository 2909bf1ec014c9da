#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "cli/command.h"

namespace workmux::cli {

struct SandboxPullOptions {
  std::string agent;
  std::string image;
};

// "Pulling image '…'..." and "Image '…' is up to date." on the output, how far it
// is on the error output.
absl::StatusOr<int> RunSandboxPull(const SandboxPullOptions& options, const CommandEnv& env);

struct SandboxBuildOptions {
  std::string agent;
  std::string image;
  std::string from;
  std::string agent_version;
  bool no_cache = false;
};

// What the build prints goes to the error output.
absl::StatusOr<int> RunSandboxBuild(const SandboxBuildOptions& options, const CommandEnv& env);

struct InitDockerfileOptions {
  std::string agent;
  bool force = false;
};

// Writes Dockerfile.sandbox into the current directory; never through a link.
absl::StatusOr<int> RunInitDockerfile(const InitDockerfileOptions& options, const CommandEnv& env);

}  // namespace workmux::cli
