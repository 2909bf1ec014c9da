#pragma once

#include "tests/support/catch.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {

// A workmux whose repository sandboxes of both kinds can be made for.
struct GuestWorld : WorkmuxWorld {
  GuestWorld() : WorkmuxWorld("sandbox:\n  backend: namespace\n  image: " + TestImage() + "\n") {}

  // The output of a script inside; `engine` is "namespace", "docker" or "podman".
  CommandResult Inside(const std::string& engine, const std::string& script) const {
    SetConfig(SandboxConfigFor(engine) + extra);
    return Run({"sandbox", "run", repo().string(), "--", script});
  }

  std::string extra;  // keys of `sandbox`, indented by two
};

}  // namespace workmux::test
