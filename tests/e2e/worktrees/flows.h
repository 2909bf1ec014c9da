#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tests/support/workmux_world.h"

namespace workmux::test {

// A world with a tmux server and an agent `claude` that writes its arguments
// down and stays.
class Flows {
 public:
  explicit Flows(const std::string& config = "agent: claude\n");

  WorkmuxWorld world;

  // Where `add` puts a worktree of the main checkout.
  std::filesystem::path Path(const std::string& handle) const;
  // The arguments of the agent that started in the worktree, a line each; ""
  // when none did in time.
  std::string AgentArguments(const std::string& handle) const;
  // The environment of a command that runs in that pane.
  Env Inside(const std::string& pane);
  // All refs but those that keep removed work, the worktrees, the directories
  // beside the repository and tmux's windows: equal when nothing was done.
  std::string State();
  std::string Git(const std::vector<std::string>& arguments,
                  const std::filesystem::path& cwd = {}) {
    return world.git().Git(arguments, cwd);
  }
  // Window names, a line each.
  std::string Windows();
};

// Whether a command was refused as people expect it: the code, `workmux: ` with
// the words, and a hint. Says what is wrong otherwise, else "".
std::string Refusal(const CommandResult& result, int code, std::string_view words);

}  // namespace workmux::test
