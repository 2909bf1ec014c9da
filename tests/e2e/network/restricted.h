#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/network/internet.h"

namespace workmux::test {

// Engines whose clients work in an internet of this user: root's has its Podman, others
// have the rest.
std::vector<std::string> EnginesInInternet();
// Whether tests of one engine run for this user.
bool IsFor(const std::string& engine);

// A repository, an internet, and sandboxes that may reach little of it. What runs in one
// finds the test's authority in /tmp/ca.pem, which is named to it by the variables that git,
// curl and Node.js have for that.
struct Restricted {
  // `network`: lines of sandbox.network besides the policy; `sandbox`: of sandbox.
  Restricted(const std::string& engine, const std::string& network,
             const std::string& sandbox = "");
  std::vector<std::string> Argv(const std::string& script) const;
  CommandResult Inside(const std::string& script) const;
  std::unique_ptr<Program> Start(const std::string& script) const;
  // Control: the same script where nothing is restricted, in a sandbox whose network is the
  // internet's itself (namespace only).
  CommandResult InOpenSandbox(const std::string& script) const;

  WorkmuxWorld world;
  Internet internet;
};

}  // namespace workmux::test
