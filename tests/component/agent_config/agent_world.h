#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "daemon/domain/types.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::test {

// A host's directory of an agent, and worktrees without a git behind them.
struct AgentWorld {
  AgentWorld() {
    std::filesystem::create_directories(dir / "state");
    std::filesystem::create_directories(host());
  }

  std::filesystem::path host() const { return dir / "home/.claude"; }
  std::filesystem::path state() const { return dir / "state"; }

  daemon::Worktree Worktree(const std::string& name) const {
    const std::filesystem::path common = dir / "repo/.git";
    std::filesystem::create_directories(common / "worktrees" / name);
    std::filesystem::create_directories(dir / name);
    return {.repository = {.common_dir = common, .main_worktree = dir / "repo"},
            .path = dir / name,
            .git_dir = common / "worktrees" / name,
            .branch = name,
            .head = {}};
  }

  static std::string Login(const std::string& token) {
    return R"({"claudeAiOauth":{"accessToken":")" + token + R"("}})";
  }
  std::string HostLogin() const { return ReadWholeFile(host() / ".credentials.json"); }
  void SetHostLogin(const std::string& token) const {
    Replace(host() / ".credentials.json", Login(token));
  }

  // As agents do: a new file is renamed over the old one.
  static void Replace(const std::filesystem::path& path, const std::string& content) {
    const std::filesystem::path temporary = path.string() + ".tmp";
    WriteFile(temporary, content);
    std::filesystem::rename(temporary, path);
  }
  // The time of the last change of the content, in whole seconds.
  static void SetTime(const std::filesystem::path& path, long seconds) {
    const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
  }

  TempDir dir;
};

}  // namespace workmux::test
