#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/process/posix_command_runner.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/types.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

// A repository of a user with a linked worktree "wt" on branch "topic", a home
// and a state directory, all in one temporary directory. The history is the same
// in every world, so commit ids can be compared between two of them.
class GitWorld {
 public:
  enum class Kind { kPlain, kBareMain, kSeparateGitDir, kNoLinked };
  explicit GitWorld(Kind kind = Kind::kPlain);

  // A shell script as the user would run it; fails the test when `must` and it fails.
  CommandResult Run(const std::filesystem::path& cwd, const std::string& script, bool must = true);
  std::string Out(const std::filesystem::path& cwd, const std::string& script);

  // A shell script with the worktree as its directory, where only the worktree
  // and `mounts` are seen besides the distribution's programs (bubblewrap).
  CommandResult RunInside(const daemon::Worktree& worktree, std::span<const daemon::Mount> mounts,
                          const std::string& script, const Env& extra = {});

  daemon::Worktree Linked(const std::string& name = "wt", const std::string& branch = "topic");
  daemon::Worktree Main();

  std::filesystem::path main() const { return dir_ / "main"; }
  std::filesystem::path wt() const { return dir_ / "wt"; }
  std::filesystem::path state() const { return dir_ / "state"; }
  std::filesystem::path common() const { return common_; }
  std::filesystem::path root() const { return dir_.path(); }
  const Env& env() const { return env_; }
  PosixCommandRunner& runner() { return runner_; }

  // Path -> content of everything in the common directory that imports must not
  // touch: all but objects, logs and the linked worktree's own files.
  std::map<std::string, std::string> HostFiles();

 private:
  TempDir dir_;
  std::filesystem::path common_;
  Env env_;
  PosixCommandRunner runner_;
};

// The names of what is not the same in both, one in a line.
std::string FilesThatDiffer(const std::map<std::string, std::string>& a,
                            const std::map<std::string, std::string>& b);

// Prints the SKIPPED line when bubblewrap or git cannot be used here.
bool CanSandbox();

}  // namespace workmux::test
