#pragma once

#include <unistd.h>

#include <memory>

#include "tests/attacks/network/environments.h"
#include "tests/e2e/network/engine_internet.h"
#include "tests/e2e/network/internet.h"

namespace workmux::test {

// Sandboxes whose proxy has public hosts to reach: the daemon lives in an internet of the
// test's.
struct InternetStage : NetworkStage {
  explicit InternetStage(const Environment& where)
      : NetworkStage(where), owned_(Make(world, where)), internet(*owned_) {
    internet.StartDaemon();
  }
  // A file in the worktree for the attacker, `name`.
  void Bring(const std::string& name, const std::string& content) const {
    WriteFile(tree / name, content);
  }

 private:
  // A daemon that puts a firewall up needs the engine's bridge beside it.
  static std::unique_ptr<Internet> Make(WorkmuxWorld& world, const Environment& where) {
    if (where.isolated()) return std::make_unique<Internet>(world);
    return std::make_unique<EngineInternet>(world, where.engine);
  }
  const std::unique_ptr<Internet> owned_;

 public:
  Internet& internet;
};

// The usable environments whose engine's client works in the internet's user namespace;
// none, having printed the SKIPPED line, where nobody can make one.
inline std::vector<Environment> EnvironmentsInInternet() {
  std::vector<Environment> found;
  if (!Internet::CanRun()) return found;
  for (const Environment& one : UsableEnvironments()) {
    if (!one.isolated()) continue;
    // An ordinary user's Podman needs ids that a namespace of the user's does not have.
    const bool users_podman = one.engine == "podman" && !one.as_root;
    if (users_podman == Internet::IsAround()) found.push_back(one);
  }
  // An engine of its own is root's to start; Podman's clients would stay outside of it.
  const Environment walled = {
      .name = "Docker, firewall", .engine = "docker", .enforcement = "firewall", .as_root = true};
  if (::geteuid() == 0 && CanUse(walled.engine)) found.push_back(walled);
  return found;
}

}  // namespace workmux::test
