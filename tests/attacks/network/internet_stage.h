#pragma once

#include "tests/attacks/network/environments.h"
#include "tests/e2e/network/internet.h"

namespace workmux::test {

// Sandboxes whose proxy has public hosts to reach: the daemon lives in an internet of the
// test's.
struct InternetStage : NetworkStage {
  explicit InternetStage(const Environment& where) : NetworkStage(where), internet(world) {
    internet.StartDaemon();
  }
  // A file in the worktree for the attacker, `name`.
  void Bring(const std::string& name, const std::string& content) const {
    WriteFile(tree / name, content);
  }

  Internet internet;
};

// The usable environments whose engine's client works in the internet's user namespace;
// none, having printed the SKIPPED line, where nobody can make one.
inline std::vector<Environment> EnvironmentsInInternet() {
  std::vector<Environment> found;
  if (!Internet::CanRun()) return found;
  for (const Environment& one : UsableEnvironments()) {
    // A daemon in it has no engine's bridge to listen on.
    if (!one.isolated()) continue;
    // An ordinary user's Podman needs ids that the namespace does not have.
    if (one.engine != "podman" || one.as_root) found.push_back(one);
  }
  return found;
}

}  // namespace workmux::test
