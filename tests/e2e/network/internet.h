#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/program.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {

// The internet of internet.sh, and a workmux whose daemon lives in it. Clients and
// engines stay on the host: the daemon's sockets are all that joins the two.
class Internet {
 public:
  // False, having printed the SKIPPED line, where the user may not make namespaces.
  static bool CanRun();
  // The test itself is in one that root made (tests/env/in-internet), with its engine: so
  // an ordinary user's Podman can be in one.
  static bool IsAround();

  explicit Internet(WorkmuxWorld& world);
  virtual ~Internet();
  Internet(const Internet&) = delete;
  Internet& operator=(const Internet&) = delete;

  // Starts workmuxd inside and waits until it answers.
  void StartDaemon();
  // A program beside the daemon, where everything of this internet can be reached.
  CommandResult Run(const std::vector<std::string>& argv) const;
  std::filesystem::path authority() const { return dir_ / "ca.pem"; }

 protected:
  // `stage`: the program that makes it, and what it is told after its directory.
  Internet(WorkmuxWorld& world, const std::string& stage,
           const std::vector<std::string>& arguments);
  virtual std::vector<std::string> Entering(const std::vector<std::string>& argv) const;

  WorkmuxWorld& world_;
  std::filesystem::path dir_;
  std::string pid_;  // of a process inside

 private:
  std::unique_ptr<Program> stage_;
  std::vector<std::unique_ptr<Program>> daemons_;
};

}  // namespace workmux::test
