#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/workmux_world.h"

namespace workmux::test {

inline const std::vector<std::string> kEngines = {"namespace", "docker", "podman"};

// A linked worktree beside the main checkout, and sandboxes in it that run the
// hostile program of tests/attacks/attacker.
struct AttackStage {
  AttackStage();

  // `workmux sandbox run` of the script in the worktree, to its end.
  CommandResult Inside(const std::string& script) const;
  std::unique_ptr<Program> StartInside(const std::string& script) const;
  // The program as the worktree has it.
  std::string attacker() const { return (tree / "attacker").string(); }

  struct Counters {
    std::uint64_t rounds = 0;
    std::uint64_t hits = 0;
  };
  // A sandbox that reads the paths for ever; they may hold shell variables.
  std::unique_ptr<Program> StartPolling(const std::string& secret,
                                        const std::vector<std::string>& paths) const;
  // What it has counted so far; it need not live.
  Counters Counted() const;
  // Waits until that many more rounds were begun and ended.
  bool PollsOn(std::uint64_t rounds) const;
  // How long after `since` the last round was counted; waits until there are no more.
  std::chrono::milliseconds StoodStillAfter(std::chrono::steady_clock::time_point since) const;

  WorkmuxWorld world;
  std::filesystem::path tree;
};

// As an editor saves: a new file is renamed over the old one.
void SaveByRename(const std::filesystem::path& file, const std::string& content);

// Host processes whose command line has the mark.
std::vector<pid_t> ProcessesMarked(const std::string& mark);

}  // namespace workmux::test
