#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/network/internet.h"

namespace workmux::test {

// The internet of internet.sh with an engine in it (engine_stage.sh): the engine's bridge
// is where the daemon is. Docker's clients may stay outside, Podman's are in it too. For
// root.
class EngineInternet : public Internet {
 public:
  EngineInternet(WorkmuxWorld& world, const std::string& engine);
  ~EngineInternet() override;

  // `workmux ARGUMENTS` inside, to the end, and beside the test.
  CommandResult RunWorkmux(const std::vector<std::string>& arguments) const;
  std::unique_ptr<Program> StartWorkmux(const std::vector<std::string>& arguments) const;

 protected:
  std::vector<std::string> Entering(const std::vector<std::string>& argv) const override;
};

}  // namespace workmux::test
