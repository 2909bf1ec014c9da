#pragma once

#include <string>
#include <vector>

#include "tests/support/workmux_world.h"

namespace workmux::test {

// One defence that somebody switched off by hand: a program before the engine's own
// in PATH that changes what workmux asks for. The product has no part in it.
struct Tampering {
  std::string defence;  // by which `verify` has to name it
  // Lines of bash. In containers: a `case` of each argument $a of `create` (Podman:
  // `run`) that appends to `args`. In namespaces: the same for what bwrap reads from its file.
  std::string edit;
  std::string more;  // namespaces: appended to bwrap's arguments in the file
  std::string argv;  // namespaces: a `case` for the arguments themselves
  std::string environment;
  // The sandbox's own program cannot report then: it does not start, that is all.
  bool silent_start = false;
};

// "docker", "podman" or "namespace".
std::vector<Tampering> TamperingsOf(const std::string& engine, const WorkmuxWorld& world);

void InstallTampering(const std::string& engine, const Tampering& tampering,
                      const WorkmuxWorld& world);
void RemoveTampering(const std::string& engine, const WorkmuxWorld& world);

}  // namespace workmux::test
