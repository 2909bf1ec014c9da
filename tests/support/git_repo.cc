#include "tests/support/git_repo.h"

#include <stdexcept>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/process/posix_command_runner.h"

namespace workmux::test {

GitRepo::GitRepo(std::string_view directory_name) : root_(area_ / directory_name) {
  const std::filesystem::path home = area_ / "home";
  WriteFile(home / ".gitconfig",
            "[user]\n\tname = Test User\n\temail = test@example.org\n"
            "[init]\n\tdefaultBranch = main\n[commit]\n\tgpgSign = false\n");
  env_ = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
          {"HOME", home.string()},
          {"GIT_CONFIG_GLOBAL", (home / ".gitconfig").string()},
          {"GIT_CONFIG_NOSYSTEM", "1"},
          {"LC_ALL", "C.UTF-8"},
          {"GIT_TERMINAL_PROMPT", "0"},
          {"GIT_EDITOR", "false"}};
  std::filesystem::create_directories(root_);
  Git({"init", "--quiet"});
  Commit("file.txt", "first\n", "first");
}

CommandResult GitRepo::TryGit(const std::vector<std::string>& arguments,
                              const std::filesystem::path& cwd) const {
  Command command;
  command.argv = {"git"};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  command.cwd = cwd.empty() ? root_ : cwd;
  command.env = env_;
  auto result = PosixCommandRunner().Run(command, {});
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return *std::move(result);
}

std::string GitRepo::Git(const std::vector<std::string>& arguments,
                         const std::filesystem::path& cwd) const {
  const CommandResult result = TryGit(arguments, cwd);
  if (!result.exit.ok())
    throw std::runtime_error("git " + Join(arguments, " ") + ": " + result.err);
  return std::string(Trim(result.out));
}

std::string GitRepo::Commit(const std::filesystem::path& file, std::string_view content,
                            std::string_view message, const std::filesystem::path& cwd) const {
  WriteFile((cwd.empty() ? root_ : cwd) / file, content);
  Git({"add", "--", file.string()}, cwd);
  Git({"commit", "--quiet", "-m", std::string(message)}, cwd);
  return Git({"rev-parse", "HEAD"}, cwd);
}

std::filesystem::path GitRepo::AddWorktree(const std::string& branch, std::string directory) const {
  if (directory.empty()) directory = branch;
  const std::filesystem::path path = area_ / "worktrees" / directory;
  Git({"worktree", "add", "--quiet", "--no-track", "-b", branch, path.string()});
  return path;
}

}  // namespace workmux::test
