#include "daemon/domain/agent_files.h"

#include <algorithm>

#include "daemon/domain/agent_profile.h"
#include "tests/support/catch.h"

namespace workmux::daemon {

TEST_CASE("AgentFiles: every agent with a directory that we know has a table") {
  for (const AgentProfile& profile : AgentProfiles()) {
    INFO(profile.name);
    CHECK(FilesOf(profile.name).everything == profile.host_dir.empty());
  }
  CHECK(FilesOf("somebody-elses").everything);
}

TEST_CASE("AgentFiles: a login is neither settings nor a seed, nor hidden below a mount") {
  for (const AgentProfile& profile : AgentProfiles()) {
    const AgentFiles& files = FilesOf(profile.name);
    for (const LoginFile& login : files.logins) {
      INFO(profile.name << " " << login.name);
      CHECK_FALSE(IsSettings(files, login.name));
      CHECK(std::count(files.seeds.begin(), files.seeds.end(), login.name) == 0);
      CHECK(std::count(files.directories.begin(), files.directories.end(), login.name) == 0);
      CHECK(login.name.find('/') == std::string_view::npos);
      REQUIRE_FALSE(login.parts.empty());
      for (const std::string_view part : login.parts)
        CHECK(part.starts_with("*.") == !login.entry_types.empty());
    }
  }
}

TEST_CASE("AgentFiles: no part of a login is one that agents take programs or servers from") {
  for (const AgentProfile& profile : AgentProfiles()) {
    for (const LoginFile& login : FilesOf(profile.name).logins) {
      for (const std::string_view part : login.parts) {
        INFO(profile.name << " " << part);
        for (const std::string_view word : {"url", "Url", "host", "command", "mcp", "hook",
                                            "plugin", "Secrets", "env", "executable", "source"})
          CHECK(part.find(word) == std::string_view::npos);
        // A key that Pi would run as a command, and a whole subtree.
        CHECK_FALSE((profile.name == "pi" && part == "*.key"));
        CHECK_FALSE(part.ends_with(".*"));
      }
    }
  }
}

TEST_CASE("AgentFiles: what agents run on the host is brought in, not shared") {
  const AgentFiles& claude = FilesOf("claude");
  CHECK(IsSettings(claude, "settings.json"));
  CHECK(IsSettings(claude, "CLAUDE.md"));
  CHECK(IsSettings(claude, "statusline.sh"));
  for (const char* state : {"history.jsonl", "projects", ".claude.json", "stats-cache.json"})
    CHECK_FALSE(IsSettings(claude, state));
  for (const char* dir : {"hooks", "plugins", "commands", "agents", "skills"})
    CHECK(std::count(claude.directories.begin(), claude.directories.end(), dir) == 1);
  CHECK(IsSettings(FilesOf("codex"), "config.toml"));
  CHECK(IsSettings(FilesOf("codex"), "work.config.toml"));
  CHECK_FALSE(IsSettings(FilesOf("copilot"), "config.json"));
  CHECK(IsSettings(FilesOf("unknown"), "anything"));
}

}  // namespace workmux::daemon
