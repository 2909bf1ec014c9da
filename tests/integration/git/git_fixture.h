#pragma once

#include "common/process/posix_command_runner.h"
#include "daemon/adapters/git/git_cli.h"
#include "tests/support/git_repo.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {

// A repository and the adapter, on real processes.
struct GitFixture {
  test::GitRepo repo;
  PosixCommandRunner runner;
  GitCli git{runner};

  Repository repository() const {
    return {.common_dir = repo.git_dir(), .main_worktree = repo.root()};
  }
  Worktree At(const std::filesystem::path& path) { return test::Must(git.Locate(path)); }
  Worktree Linked(const std::string& branch) { return At(repo.AddWorktree(branch)); }
  std::string Id(const std::string& revision) const { return repo.Git({"rev-parse", revision}); }
};

}  // namespace workmux::daemon
