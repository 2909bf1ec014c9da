#include "tests/attacks/network/environments.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/strings.h"
#include "common/process/posix_command_runner.h"

namespace workmux::test {

std::vector<Environment> UsableEnvironments() {
  const std::vector<Environment> all = {
      {.name = "namespace", .engine = "namespace", .enforcement = "isolated"},
      {.name = "Docker, isolated", .engine = "docker", .enforcement = "isolated"},
      {.name = "rootless Podman, isolated", .engine = "podman", .enforcement = "isolated"},
      {.name = "Podman as root, isolated",
       .engine = "podman",
       .enforcement = "isolated",
       .as_root = true},
      {.name = "Docker, firewall", .engine = "docker", .enforcement = "firewall"},
      {.name = "Podman as root, firewall",
       .engine = "podman",
       .enforcement = "firewall",
       .as_root = true},
  };
  std::vector<Environment> usable;
  for (const Environment& one : all) {
    if (one.as_root == (::geteuid() == 0) && CanUse(one.engine)) usable.push_back(one);
  }
  return usable;
}

NetworkStage::NetworkStage(const Environment& where) : environment(where) {
  // Where root's Podman finds iptables for its bridge.
  world.env()["PATH"] += ":/usr/sbin:/sbin";
}

std::string NetworkStage::RestrictedConfig(const std::string& allowed) const {
  return SandboxConfigFor(environment.engine) +
         "  network:\n    policy: deny\n    enforcement: " + environment.enforcement + "\n" +
         allowed;
}

std::string NetworkStage::Restricted(const std::string& script, const std::string& allowed) {
  return Run(RestrictedConfig(allowed), script);
}

std::string NetworkStage::Open(const std::string& script) {
  return Run(SandboxConfigFor(environment.engine), script);
}

std::string NetworkStage::Run(const std::string& config, const std::string& script) {
  world.SetConfig(config);
  const CommandResult result = Inside("exec 2>&1\n" + script);
  status_ = result.exit.code;
  // The client's own words, progress on a slow machine among them, matter when it failed.
  return result.exit.ok() ? result.out : result.out + result.err;
}

std::string NetworkStage::Plain(const std::vector<std::string>& options,
                                const std::string& script) {
  const bool contained = environment.engine != "namespace";
  std::vector<std::string> argv = {"unshare"};
  if (contained) {
    argv = {
        environment.engine, "run",        "--rm", "--volume", tree.string() + ":" + tree.string(),
        "--workdir",        tree.string()};
  }
  argv.insert(argv.end(), options.begin(), options.end());
  argv.push_back(contained ? TestImage() : "--");
  argv.insert(argv.end(), {"/bin/sh", "-c", "PATH=$PATH:/usr/sbin:/sbin\nexec 2>&1\n" + script});
  // The user's own Podman: the world's user has no ids for it.
  Env env = CurrentEnv();
  for (const auto& [name, value] : PodmanEnv()) env[name] = value;
  const CommandResult result = world.RunCommand(argv, {.cwd = tree, .env = env, .input = {}});
  status_ = result.exit.code;
  return result.out + result.err;
}

int CountLines(const std::string& out, std::string_view line) {
  const std::vector<std::string> lines = SplitLines(out);
  return static_cast<int>(std::count(lines.begin(), lines.end(), line));
}

}  // namespace workmux::test
