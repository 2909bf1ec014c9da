#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/workmux_world.h"

namespace workmux::test {

// What the cases about sessions run on.
enum class Engine { kNamespace, kDocker, kPodman };
std::string NameOf(Engine engine);

// False, having printed the SKIPPED line, when it or tmux is missing.
bool Have(Engine engine);
// The global configuration with this backend, its image, and the lines of `more`.
std::string ConfigFor(Engine engine, const std::string& more = "");

// Commits `script` as an executable ./agent.sh: a path that both engines see.
void CommitAgent(WorkmuxWorld& world, const std::string& script);
inline constexpr char kAgentConfig[] = "agent: ./agent.sh\npanes:\n  - command: <agent>\n";
// An agent that tells when it starts, and does one thing for each file that
// appears in its worktree: "wait" reports waiting, "exit" ends with 7.
extern const char kObedientAgent[];

// Creates an empty file.
void Touch(const std::filesystem::path& path);

// `workmux status --json` has this agent with this status.
bool ShowsStatus(const WorkmuxWorld& world, const std::string& worktree, const std::string& status);
// Sandboxes that the daemon knows; -1 without a daemon.
int OpenSessions(const WorkmuxWorld& world);

// Processes of namespace sandboxes and containers that belong to the world.
std::vector<std::string> LivingSandboxes(const WorkmuxWorld& world, Engine engine);

}  // namespace workmux::test
