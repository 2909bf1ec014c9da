#include "daemon/agent_config/agent_copy.h"

#include <algorithm>

#include "common/io/tree.h"
#include "tests/component/agent_config/agent_world.h"
#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using test::AgentWorld;
using test::Must;
using test::ReadWholeFile;
using test::WriteFile;

AgentCopy Copy(const AgentWorld& world, const std::string& worktree = "wt") {
  return Must(AgentCopy::Ensure(world.state() / "agents", world.Worktree(worktree), "claude",
                                world.host()));
}

}  // namespace

TEST_CASE("AgentCopy: a worktree has one of each host directory, and no other worktree has it") {
  AgentWorld world;
  const AgentCopy copy = Copy(world);
  CHECK(Copy(world).path() == copy.path());
  CHECK(Copy(world, "other").path() != copy.path());
  fs::create_directories(world.dir / "home/.claude-work");
  const AgentCopy work = Must(AgentCopy::Ensure(world.state() / "agents", world.Worktree("wt"),
                                                "claude", world.dir / "home/.claude-work"));
  CHECK(work.path() != copy.path());
  CHECK(AgentCopy::AllOf(world.state() / "agents", world.Worktree("wt")).size() == 2);
  CHECK((fs::status(copy.path()).permissions() & fs::perms::mask) == fs::perms::owner_all);
  CHECK((fs::status(copy.dir()).permissions() & fs::perms::mask) == fs::perms::owner_all);
}

TEST_CASE("AgentCopy: what was made for an earlier worktree of the place goes to the trash") {
  AgentWorld world;
  AgentCopy copy = Copy(world);
  WriteFile(copy.dir() / "history", "of the first");
  fs::remove_all(world.Worktree("wt").git_dir);
  CHECK(Copy(world).path() == copy.path());
  CHECK_FALSE(fs::exists(copy.dir() / "history"));
  CHECK(std::distance(fs::directory_iterator(world.state() / "agents/trash"), {}) == 1);
}

TEST_CASE("AgentCopy: settings are the host's at each start, the rest is the sandbox's own") {
  AgentWorld world;
  WriteFile(world.host() / "settings.json", "host");
  WriteFile(world.host() / "statusline.sh", "#!/bin/sh\n");
  fs::permissions(world.host() / "statusline.sh", fs::perms::owner_all);
  WriteFile(world.host() / "history.jsonl", "what the user asked");
  WriteFile(world.host() / ".credentials.json", "login");
  AgentCopy copy = Copy(world);
  REQUIRE_OK(copy.RefreshSettings());
  CHECK(ReadWholeFile(copy.dir() / "settings.json") == "host");
  CHECK((fs::status(copy.dir() / "statusline.sh").permissions() & fs::perms::owner_exec) !=
        fs::perms::none);
  CHECK_FALSE(fs::exists(copy.dir() / "history.jsonl"));
  CHECK_FALSE(fs::exists(copy.dir() / ".credentials.json"));

  SECTION("a guest's hook in it is gone") {
    // In place, with size and times as they were.
    struct stat info {};
    REQUIRE(::stat((copy.dir() / "settings.json").c_str(), &info) == 0);
    WriteFile(copy.dir() / "settings.json", "evil");
    AgentWorld::SetTime(copy.dir() / "settings.json", info.st_mtim.tv_sec);
    WriteFile(copy.dir() / "keybindings.json", "only the guest's");
    REQUIRE_OK(copy.RefreshSettings());
    CHECK(ReadWholeFile(copy.dir() / "settings.json") == "host");
    CHECK(ReadWholeFile(copy.dir() / "keybindings.json") == "only the guest's");
  }
  SECTION("the host's change arrives, and its removal") {
    AgentWorld::Replace(world.host() / "settings.json", "new");
    REQUIRE_OK(copy.RefreshSettings());
    CHECK(ReadWholeFile(copy.dir() / "settings.json") == "new");
    fs::remove(world.host() / "settings.json");
    REQUIRE_OK(copy.RefreshSettings());
    CHECK_FALSE(fs::exists(copy.dir() / "settings.json"));
  }
  SECTION("whatever the guest put there instead gives way, and nothing behind it") {
    WriteFile(world.dir / "victim/file", "untouched");
    const fs::path place = copy.dir() / "settings.json";
    fs::remove(place);
    const std::string kind = GENERATE("link", "directory", "fifo", "dangling");
    if (kind == "link") fs::create_symlink(world.dir / "victim/file", place);
    if (kind == "dangling") fs::create_symlink(world.dir / "victim/new", place);
    if (kind == "directory") WriteFile(place / "deep/file", "x");
    if (kind == "fifo") REQUIRE(::mkfifo(place.c_str(), 0600) == 0);
    REQUIRE_OK(copy.RefreshSettings());
    CHECK(fs::is_regular_file(fs::symlink_status(place)));
    CHECK(ReadWholeFile(place) == "host");
    CHECK(ReadWholeFile(world.dir / "victim/file") == "untouched");
    CHECK_FALSE(fs::exists(world.dir / "victim/new"));
  }
}

TEST_CASE("AgentCopy: an answer that was given in a sandbox is not asked for again") {
  AgentWorld world;
  WriteFile(world.host() / "settings.json", R"({"model":"m"})");
  AgentCopy copy = Copy(world);
  REQUIRE_OK(copy.RefreshSettings());
  WriteFile(copy.dir() / "settings.json",
            R"({"hooks":{"x":1},"skipDangerousModePermissionPrompt":true})");
  REQUIRE_OK(copy.RefreshSettings());
  CHECK(ReadWholeFile(copy.dir() / "settings.json") ==
        R"({"model":"m","skipDangerousModePermissionPrompt":true})");
  CHECK(ReadWholeFile(world.host() / "settings.json") == R"({"model":"m"})");
}

TEST_CASE("AgentCopy: the host's own links are followed") {
  AgentWorld world;
  WriteFile(world.dir / "dotfiles/settings.json", "linked");
  fs::create_symlink(world.dir / "dotfiles/settings.json", world.host() / "settings.json");
  fs::create_directories(world.dir / "dotfiles/skills");
  fs::create_symlink(world.dir / "dotfiles/skills", world.host() / "skills");
  fs::create_symlink("nowhere", world.host() / "CLAUDE.md");
  fs::create_symlink("hooks", world.host() / "hooks");
  AgentCopy copy = Copy(world);
  REQUIRE_OK(copy.RefreshSettings());
  CHECK(ReadWholeFile(copy.dir() / "settings.json") == "linked");
  CHECK(Must(copy.SettingsMounts("/tmp/.claude")) ==
        std::vector<Mount>{{world.dir / "dotfiles/skills", "/tmp/.claude/skills", false}});
}

// An agent that works on the user's dotfiles can make links there.
TEST_CASE("AgentCopy: links behind the host's own link are not followed") {
  AgentWorld world;
  const fs::path dotfiles = world.dir / "dotfiles";
  WriteFile(world.dir / "secret/key", "canary");
  WriteFile(dotfiles / "settings.json", "{}");
  fs::create_directories(dotfiles / "skills");
  fs::create_symlink(dotfiles / "settings.json", world.host() / "settings.json");
  fs::create_symlink(dotfiles / "skills", world.host() / "skills");
  fs::create_symlink(dotfiles / "deep/CLAUDE.md", world.host() / "CLAUDE.md");
  AgentCopy copy = Copy(world);
  REQUIRE_OK(copy.RefreshSettings());
  CHECK(Must(copy.SettingsMounts("/tmp/.claude")).size() == 1);

  fs::remove(dotfiles / "settings.json");
  fs::create_symlink(world.dir / "secret/key", dotfiles / "settings.json");
  fs::remove(dotfiles / "skills");
  fs::create_symlink(world.dir / "secret", dotfiles / "skills");
  WriteFile(world.dir / "secret/CLAUDE.md", "canary");
  fs::create_symlink(world.dir / "secret", dotfiles / "deep");
  // To what simply follows links the secret is there.
  CHECK(ReadWholeFile(world.host() / "settings.json") == "canary");
  CHECK(ReadWholeFile(world.host() / "CLAUDE.md") == "canary");
  REQUIRE_OK(copy.RefreshSettings());
  CHECK_FALSE(fs::exists(copy.dir() / "settings.json"));
  CHECK_FALSE(fs::exists(copy.dir() / "CLAUDE.md"));
  CHECK(Must(copy.SettingsMounts("/tmp/.claude")).empty());
}

TEST_CASE("AgentCopy: directories are mounted read-only, each on a real directory") {
  AgentWorld world;
  for (const char* name : {"hooks", "plugins", "projects"})
    fs::create_directories(world.host() / name);
  AgentCopy copy = Copy(world);
  const std::vector<Mount> expected = {{world.host() / "hooks", "/tmp/.claude/hooks", false},
                                       {world.host() / "plugins", "/tmp/.claude/plugins", false}};
  CHECK(Must(copy.SettingsMounts("/tmp/.claude")) == expected);
  CHECK(fs::is_directory(copy.dir() / "hooks"));
  CHECK_FALSE(fs::exists(copy.dir() / "projects"));
  // What a guest left there while nothing was mounted.
  fs::remove(copy.dir() / "hooks");
  fs::create_directories(world.dir / "victim");
  fs::create_symlink(world.dir / "victim", copy.dir() / "hooks");
  CHECK(Must(copy.SettingsMounts("/tmp/.claude")) == expected);
  CHECK(fs::is_directory(fs::symlink_status(copy.dir() / "hooks")));
}

TEST_CASE("AgentCopy: a guest that takes its rights away keeps nobody out") {
  AgentWorld world;
  WriteFile(world.host() / "settings.json", "host");
  AgentCopy copy = Copy(world);
  fs::permissions(copy.dir(), fs::perms::none);
  copy = Copy(world);
  REQUIRE_OK(copy.RefreshSettings());
  CHECK(ReadWholeFile(copy.dir() / "settings.json") == "host");
}

TEST_CASE("AgentCopy: a seed comes in once, and anew when the host's changes") {
  AgentWorld world;
  const fs::path seed = world.dir / "home/.claude-sandbox.json";
  WriteFile(seed, "seed");
  AgentCopy copy = Copy(world);
  REQUIRE_OK(copy.RefreshSeed(seed, "claude.json"));
  CHECK(ReadWholeFile(copy.path() / "claude.json") == "seed");
  WriteFile(copy.path() / "claude.json", "an MCP server of this worktree");
  REQUIRE_OK(copy.RefreshSeed(seed, "claude.json"));
  CHECK(ReadWholeFile(copy.path() / "claude.json") == "an MCP server of this worktree");
  AgentCopy other = Copy(world, "other");
  REQUIRE_OK(other.RefreshSeed(seed, "claude.json"));
  CHECK(ReadWholeFile(other.path() / "claude.json") == "seed");
  AgentWorld::Replace(seed, "seed 2");
  REQUIRE_OK(copy.RefreshSeed(seed, "claude.json"));
  CHECK(ReadWholeFile(copy.path() / "claude.json") == "seed 2");
  CHECK(ReadWholeFile(seed) == "seed 2");
}

TEST_CASE("AgentCopy: of an agent that nobody knows everything small comes in") {
  AgentWorld world;
  WriteFile(world.host() / "config.toml", "c");
  WriteFile(world.host() / "large", std::string((1 << 20) + 1, 'x'));
  fs::create_directories(world.host() / "tools");
  AgentCopy copy = Must(
      AgentCopy::Ensure(world.state() / "agents", world.Worktree("wt"), "goose", world.host()));
  REQUIRE_OK(copy.RefreshSettings());
  CHECK(ReadWholeFile(copy.dir() / "config.toml") == "c");
  CHECK_FALSE(fs::exists(copy.dir() / "large"));
  CHECK(Must(copy.SettingsMounts("/tmp/.goose")).size() == 1);
}

}  // namespace workmux::daemon
