#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/process/command.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

// A real repository in a temporary directory, with one commit on `main`. Git
// sees nothing of this machine's or this user's configuration. Throws when git
// fails where it must not.
class GitRepo {
 public:
  explicit GitRepo(std::string_view directory_name = "repo");

  const std::filesystem::path& root() const { return root_; }  // the main checkout
  std::filesystem::path git_dir() const { return root_ / ".git"; }
  const std::filesystem::path& area() const { return area_.path(); }  // the directory around it
  const Env& env() const { return env_; }
  Env& env() { return env_; }

  // Runs git in `cwd` (the main checkout when empty); stdout without white space
  // at the end.
  std::string Git(const std::vector<std::string>& arguments,
                  const std::filesystem::path& cwd = {}) const;
  CommandResult TryGit(const std::vector<std::string>& arguments,
                       const std::filesystem::path& cwd = {}) const;

  // Writes a file, commits it, and gives the commit's id.
  std::string Commit(const std::filesystem::path& file, std::string_view content,
                     std::string_view message = "change",
                     const std::filesystem::path& cwd = {}) const;
  // A linked worktree beside the main checkout, on a new branch from HEAD.
  std::filesystem::path AddWorktree(const std::string& branch, std::string directory = {}) const;

 private:
  TempDir area_;
  std::filesystem::path root_;
  Env env_;
};

}  // namespace workmux::test
