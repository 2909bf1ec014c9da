#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/program.h"
#include "tests/support/workmux_world.h"

namespace workmux::test {

// The internet of internet.sh with an engine in it (engine_stage.sh), and a workmux whose
// programs all live there: a whole host. For root.
class EngineInternet {
 public:
  EngineInternet(WorkmuxWorld& world, const std::string& engine);
  ~EngineInternet();

  // Starts workmuxd inside and waits until it answers.
  void StartDaemon();
  // Inside, to the end, and beside the test.
  CommandResult Run(const std::vector<std::string>& workmux_arguments) const;
  std::unique_ptr<Program> Start(const std::vector<std::string>& workmux_arguments) const;
  CommandResult RunCommand(const std::vector<std::string>& argv) const;
  std::filesystem::path authority() const { return dir_ / "ca.pem"; }

 private:
  std::vector<std::string> Enter(const std::vector<std::string>& argv) const;

  WorkmuxWorld& world_;
  std::filesystem::path dir_;
  std::unique_ptr<Program> stage_;
  std::vector<std::unique_ptr<Program>> daemons_;
  std::string pid_;
};

}  // namespace workmux::test
