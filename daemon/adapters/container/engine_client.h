#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "common/process/command_runner.h"
#include "daemon/adapters/container/run_argv.h"
#include "daemon/adapters/container/runtime_traits.h"

namespace workmux::daemon {

// Runs the engine's client and tells its failures apart. Thread-safe.
class EngineClient {
 public:
  // `environment`: what the client's own variables are taken from.
  EngineClient(CommandRunner& runner, RuntimeTraits traits, const Env& environment);

  const RuntimeTraits& traits() const { return traits_; }
  const Env& env() const { return env_; }
  bool IsInstalled() const;

  // Stdout of the client. Errors: RUNTIME_NOT_INSTALLED, RUNTIME_UNREACHABLE,
  // IMAGE_NOT_FOUND, CONTAINER_NOT_FOUND (kNotFound), CONTAINER_EXISTS,
  // MOUNT_SOURCE_MISSING, else RUNTIME_FAILED with what the client said.
  absl::StatusOr<std::string> Run(
      EngineCall call, std::stop_token stop,
      std::chrono::milliseconds timeout = std::chrono::seconds(30)) const;
  absl::StatusOr<std::string> Run(std::vector<std::string> arguments) const;

  // As Run, with the output handed over as it comes. A client that ran and failed
  // is a result.
  absl::StatusOr<ExitStatus> Stream(EngineCall call, std::stop_token stop,
                                    std::chrono::milliseconds timeout, OutputFn on_output) const;

  // What the last lines of a client that failed mean.
  absl::Status Explain(std::string_view output) const;

 private:
  Command CommandOf(EngineCall call) const;
  absl::Status NotRun(const absl::Status& why) const;

  CommandRunner& runner_;
  RuntimeTraits traits_;
  Env env_;
};

// The variables of `environment` that choose the engine and let the client find
// its files; nothing else of a person's environment reaches the client.
Env ClientEnvironment(const Env& environment);

}  // namespace workmux::daemon
