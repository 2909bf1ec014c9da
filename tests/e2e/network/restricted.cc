#include "tests/e2e/network/restricted.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/format.h"
#include "tests/e2e/network/engine_internet.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {
namespace {

std::string ConfigFor(const std::string& engine, const std::string& policy,
                      const std::string& sandbox) {
  const bool walled = engine == kDockerFirewall;
  return SandboxConfigFor(walled ? "docker" : engine) +
         "  env:\n    GIT_SSL_CAINFO: /tmp/ca.pem\n    CURL_CA_BUNDLE: /tmp/ca.pem\n"
         "    NODE_EXTRA_CA_CERTS: /tmp/ca.pem\n" +
         sandbox + "  network:\n    policy: " + policy + "\n" +
         (walled ? "    enforcement: firewall\n" : "");
}

std::unique_ptr<Internet> MakeInternet(WorkmuxWorld& world, const std::string& engine) {
  if (engine == kDockerFirewall) return std::make_unique<EngineInternet>(world, "docker");
  return std::make_unique<Internet>(world);
}

}  // namespace

std::vector<std::string> EnginesInInternet() {
  if (::geteuid() == 0) return {"podman", kDockerFirewall};
  if (Internet::IsAround()) return {"podman"};
  return {"namespace", "docker"};
}

bool CanUseInInternet(const std::string& engine) {
  return Internet::CanRun() && CanUse(engine == kDockerFirewall ? "docker" : engine);
}

bool IsFor(const std::string& engine) {
  const std::vector<std::string> all = EnginesInInternet();
  return std::find(all.begin(), all.end(), engine) != all.end() && CanUse(engine);
}

Restricted::Restricted(const std::string& engine, const std::string& network,
                       const std::string& sandbox)
    : world(ConfigFor(engine, "deny", sandbox) + network),
      owned_(MakeInternet(world, engine)),
      internet(*owned_) {
  internet.StartDaemon();
}

std::vector<std::string> Restricted::Argv(const std::string& script) const {
  // The command's own /tmp is empty: the authority comes with the script.
  return {
      "sandbox",
      "run",
      world.repo().string(),
      "--",
      "sh",
      "-c",
      Format("cat > /tmp/ca.pem <<'END'\n{}END\n{}", ReadWholeFile(internet.authority()), script)};
}

CommandResult Restricted::Inside(const std::string& script) const {
  return world.Run(Argv(script));
}

std::unique_ptr<Program> Restricted::Start(const std::string& script) const {
  return world.Start(Argv(script));
}

CommandResult Restricted::InOpenSandbox(const std::string& script) const {
  const std::string restricted = ReadWholeFile(world.home() / ".config/workmux/config.yaml");
  world.SetConfig(ConfigFor("namespace", "allow", ""));
  std::vector<std::string> argv = {WorkmuxWorld::cli().string()};
  for (std::string& word : Argv(script)) argv.push_back(std::move(word));
  const CommandResult result = internet.Run(argv);
  world.SetConfig(restricted);
  return result;
}

}  // namespace workmux::test
