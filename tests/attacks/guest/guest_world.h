#pragma once

#include "tests/support/catch.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {

// A workmux whose repository sandboxes of both kinds can be made for.
struct GuestWorld : WorkmuxWorld {
  GuestWorld() : WorkmuxWorld("sandbox:\n  backend: namespace\n  image: " + TestImage() + "\n") {}

  // The output of a script inside.
  CommandResult Inside(const std::string& backend, const std::string& script) const {
    return Run({"sandbox", "run", repo().string(), "--backend", backend, "--", script});
  }
};

// Prints the SKIPPED line where sandboxes of this backend cannot be made.
inline bool CanUse(const std::string& backend) {
  return backend == "container" ? HaveDocker() : HaveBubblewrap();
}

}  // namespace workmux::test
