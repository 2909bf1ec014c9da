#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/network/internet.h"

namespace workmux::test {

// Engines whose clients work in an internet of this user: root's has its Podman, and a
// Docker with the firewall (kDockerFirewall), others have the rest, and in one that root
// made their Podman.
inline constexpr char kDockerFirewall[] = "docker behind a firewall";
std::vector<std::string> EnginesInInternet();
// Whether an internet can be made, and the engine used in it.
bool CanUseInInternet(const std::string& engine);
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

 private:
  const std::unique_ptr<Internet> owned_;

 public:
  Internet& internet;
};

}  // namespace workmux::test
