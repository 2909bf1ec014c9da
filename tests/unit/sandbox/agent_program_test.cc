#include "daemon/adapters/namespace/agent_program.h"

#include <sys/stat.h>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

struct Home {
  Home() : root(fs::canonical(dir.path())) {}
  void Program(const std::string& name, const std::string& content =
                                            "\x7f"
                                            "ELF") const {
    fs::create_directories((root / name).parent_path());
    test::WriteFile(root / name, content);
    ::chmod((root / name).c_str(), 0755);
  }
  void Link(const std::string& name, const std::string& target) const {
    fs::create_directories((root / name).parent_path());
    fs::create_symlink(target, root / name);
  }
  AgentInstallation Find(const std::string& program, const std::string& bin) const {
    return test::Must(FindAgentInstallation(
        program, {{"HOME", root.string()}, {"PATH", (root / bin).string() + ":/usr/bin:/bin"}}));
  }
  std::vector<fs::path> At(std::vector<std::string> names) const {
    std::vector<fs::path> paths;
    for (const std::string& name : names) paths.push_back(root / name);
    return paths;
  }
  test::TempDir dir;
  fs::path root;
};

}  // namespace

TEST_CASE("AgentProgram: a linked single file is the link and the file") {
  const Home home;
  home.Program(".local/share/claude/versions/2.1.0");
  home.Link(".local/bin/claude", "../share/claude/versions/2.1.0");
  const AgentInstallation found = home.Find("claude", ".local/bin");
  CHECK(found.paths == home.At({".local/bin/claude", ".local/share/claude/versions/2.1.0"}));
  CHECK(found.path_dirs == home.At({".local/bin"}));
}

TEST_CASE("AgentProgram: a node package comes with its node") {
  const Home home;
  home.Program(".nvm/versions/node/v20/bin/node");
  home.Program(".nvm/versions/node/v20/lib/node_modules/@x/claude/cli.js", "#!/usr/bin/env node\n");
  home.Link(".nvm/versions/node/v20/bin/claude", "../lib/node_modules/@x/claude/cli.js");
  CHECK(home.Find("claude", ".nvm/versions/node/v20/bin").paths ==
        home.At({".nvm/versions/node/v20"}));
}

TEST_CASE("AgentProgram: a global prefix gives its packages and its link only") {
  const Home home;
  home.Program("npm/lib/node_modules/codex/bin/codex.js", "#!/bin/sh\n");
  home.Program("npm/secret");
  home.Link("npm/bin/codex", "../lib/node_modules/codex/bin/codex.js");
  CHECK(home.Find("codex", "npm/bin").paths == home.At({"npm/bin/codex", "npm/lib/node_modules"}));
}

TEST_CASE("AgentProgram: a virtual environment is one installation") {
  const Home home;
  home.Program(".local/share/pipx/venvs/aider/bin/aider",
               "#!" + (home.root / ".local/share/pipx/venvs/aider/bin/python").string() + "\n");
  home.Link(".local/share/pipx/venvs/aider/bin/python", "/usr/bin/env");
  home.Link(".local/bin/aider", (home.root / ".local/share/pipx/venvs/aider/bin/aider").string());
  CHECK(home.Find("aider", ".local/bin").paths ==
        home.At({".local/bin/aider", ".local/share/pipx/venvs/aider"}));
}

TEST_CASE("AgentProgram: a directory that holds more than the program is never taken") {
  const Home home;
  home.Program("bin/agent");
  home.Program(".local/bin/agent2");
  home.Program(".cargo/bin/agent3");
  CHECK(home.Find("agent", "bin").paths == home.At({"bin/agent"}));
  CHECK(home.Find("agent2", ".local/bin").paths == home.At({".local/bin/agent2"}));
  CHECK(home.Find("agent3", ".cargo/bin").paths == home.At({".cargo/bin/agent3"}));
}

TEST_CASE("AgentProgram: a program of the system needs nothing, a missing one is an error") {
  const Home home;
  CHECK(home.Find("env", "bin").paths.empty());
  CHECK_CODE(
      FindAgentInstallation("no-such-agent", {{"HOME", home.root.string()}, {"PATH", "/usr/bin"}}),
      absl::StatusCode::kNotFound);
}

TEST_CASE("AgentProgram: links in a circle are an error") {
  const Home home;
  home.Link("bin/a", "b");
  home.Link("bin/b", "a");
  const auto found =
      FindAgentInstallation((home.root / "bin/a").string(), {{"HOME", home.root.string()}});
  CHECK_FALSE(found.ok());
}

}  // namespace workmux::daemon
