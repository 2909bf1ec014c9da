#include "tests/e2e/sessions/engine.h"

#include <nlohmann/json.hpp>

namespace workmux::test {

const char kObedientAgent[] = R"(#!/bin/sh
trap '' HUP
workmux set-window-status working
echo agent-started
while [ ! -e wait ]; do sleep 0.05; done
workmux set-window-status waiting && echo agent-waits
while [ ! -e exit ]; do sleep 0.05; done
exit 7
)";

std::string NameOf(Engine engine) {
  if (engine == Engine::kNamespace) return "namespace";
  return engine == Engine::kDocker ? "docker" : "podman";
}

bool Have(Engine engine) { return HaveTmux() && CanUse(NameOf(engine)); }

std::string ConfigFor(Engine engine, const std::string& more) {
  return more + SandboxConfigFor(NameOf(engine));
}

void CommitAgent(WorkmuxWorld& world, const std::string& script) {
  WriteFile(world.repo() / "agent.sh", script);
  std::filesystem::permissions(world.repo() / "agent.sh", std::filesystem::perms::owner_all);
  world.git().Git({"add", "agent.sh"});
  world.git().Git({"commit", "--quiet", "-m", "agent"});
}

void Touch(const std::filesystem::path& path) { WriteFile(path, ""); }

bool ShowsStatus(const WorkmuxWorld& world, const std::string& worktree,
                 const std::string& status) {
  const CommandResult result = world.Run({"status", "--json"});
  if (!result.exit.ok()) return false;
  const auto json = nlohmann::json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return false;
  for (const auto& agent : json["agents"]) {
    if (agent["worktree"] == worktree && agent["status"] == status) return true;
  }
  return false;
}

int OpenSessions(const WorkmuxWorld& world) {
  const CommandResult result = world.Run({"daemon", "status", "--json"});
  if (!result.exit.ok()) return -1;
  return nlohmann::json::parse(result.out)["open_sessions"].get<int>();
}

std::vector<std::string> LivingSandboxes(const WorkmuxWorld& world, Engine engine) {
  if (engine != Engine::kNamespace) return world.Containers(NameOf(engine));
  std::vector<std::string> found;
  for (const pid_t pid : world.Processes()) {
    // Set in every sandbox that has a bridge.
    const std::string environment =
        ReadWholeFile(std::filesystem::path("/proc") / std::to_string(pid) / "environ");
    if (environment.find("WM_SANDBOX_GUEST=") == std::string::npos) continue;
    const std::string command = CommandLine(pid);
    // The agents' own waiting comes and goes.
    if (!command.empty() && command != "sleep 0.05") found.push_back(command);
  }
  return found;
}

}  // namespace workmux::test
