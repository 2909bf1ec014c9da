#pragma once

#include <iostream>
#include <memory>
#include <string>

#include "common/process/posix_command_runner.h"
#include "daemon/adapters/container/engine_images.h"
#include "tests/fakes/fake_progress.h"
#include "tests/support/registry.h"
#include "tests/support/status_matchers.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {

inline bool EngineRuns(const std::string& runtime) {
  PosixCommandRunner runner;
  const auto info = runner.Run({.argv = {runtime, "info"}, .env = CurrentEnv()}, {});
  return info.ok() && info->exit.ok();
}

// An engine's images beside a registry of the test.
struct EngineWorld {
  explicit EngineWorld(const std::string& runtime,
                       std::chrono::milliseconds patience = std::chrono::seconds(90))
      : images(runner, Must(daemon::RuntimeTraitsFor(runtime)), Environment(registry), patience) {}

  static Env Environment(const Registry& registry) {
    Env env = CurrentEnv();
    env["CONTAINERS_REGISTRIES_CONF"] = registry.podman_config();
    return env;
  }
  std::string Image(const std::string& name) const { return registry.host() + "/" + name; }
  void Forget(const std::string& image) {
    (void)runner.Run(
        {.argv = {std::string(images.engine()), "rmi", "--force", image}, .env = CurrentEnv()}, {});
  }

  Registry registry;
  PosixCommandRunner runner;
  FakeProgress progress;
  daemon::EngineImages images;
};

// The engines of this machine that run for this user; prints why when there is none.
inline std::vector<std::string> Engines() {
  std::vector<std::string> engines;
  if (!HaveRegistry()) return engines;
  for (const char* name : {"docker", "podman"}) {
    if (EngineRuns(name)) engines.emplace_back(name);
  }
  if (engines.empty()) std::cout << "SKIPPED: no container engine runs here\n";
  return engines;
}

}  // namespace workmux::test
