#include <filesystem>
#include <iostream>

#include "common/base/strings.h"
#include "tests/e2e/worktrees/flows.h"
#include "tests/support/catch.h"

namespace workmux::test {
namespace {

namespace fs = std::filesystem;

bool HaveProgram(const std::string& name) {
  if (fs::exists("/usr/bin/" + name)) return true;
  std::cout << "SKIPPED: no " << name << "\n";
  return false;
}

}  // namespace

TEST_CASE("help: every command has examples and exits 0", "[worktrees]") {
  Flows f;
  for (const std::string& name : std::vector<std::string>{"",
                                                          "add",
                                                          "open",
                                                          "close",
                                                          "merge",
                                                          "remove",
                                                          "rm",
                                                          "list",
                                                          "ls",
                                                          "path",
                                                          "status",
                                                          "set-window-status",
                                                          "sandbox",
                                                          "sandbox run",
                                                          "sandbox agent",
                                                          "sandbox shell",
                                                          "daemon",
                                                          "daemon status",
                                                          "daemon start",
                                                          "daemon stop",
                                                          "daemon restart",
                                                          "daemon logs",
                                                          "net",
                                                          "net log",
                                                          "net ps",
                                                          "net why",
                                                          "net allow",
                                                          "net revoke",
                                                          "net reload",
                                                          "config",
                                                          "config path",
                                                          "config reference",
                                                          "trust",
                                                          "doctor",
                                                          "completions"}) {
    INFO(name);
    std::vector<std::string> words = name.empty() ? std::vector<std::string>() : Split(name, ' ');
    std::vector<std::string> asked = words;
    asked.emplace_back("--help");
    const CommandResult help = f.world.Run(asked);
    CHECK(help.exit.ok());
    CHECK(help.err.empty());
    CHECK(help.out.find("Examples:\n") != std::string::npos);
    words.insert(words.begin(), "help");
    CHECK(f.world.Run(words).out == help.out);
  }
  // Help needs no daemon.
  CHECK(f.world.Daemon() == 0);
}

TEST_CASE("usage: unknown commands and options exit 2 and lead on", "[worktrees]") {
  Flows f;
  const CommandResult near = f.world.Run({"lst"});
  CHECK(Refusal(near, 2, "lst: no such command") == "");
  CHECK(near.err.find("did you mean `list`?") != std::string::npos);
  CHECK(Refusal(f.world.Run({"daemon", "strat"}), 2, "no such command") == "");
  CHECK(Refusal(f.world.Run({"_complet"}), 2, "") == "");
  CHECK(f.world.Run({"_complet"}).err.find("did you mean") == std::string::npos);
  CHECK(Refusal(f.world.Run({}), 2, "") == "");
  CHECK(Refusal(f.world.Run({"sandbox"}), 2, "") == "");
  const CommandResult option = f.world.Run({"list", "--nope"});
  CHECK(Refusal(option, 2, "--nope") == "");
  CHECK(option.err.find("workmux list --help") != std::string::npos);
  CHECK(Refusal(f.world.Run({"add"}), 2, "branch") == "");
  CHECK(Refusal(f.world.Run({"add", "x", "-p", "a", "-P", "b"}), 2, "") == "");
  CHECK(Refusal(f.world.Run({"set-window-status", "happy"}), 2, "happy") == "");
  CHECK(f.world.Run({"--version"}).out.find("workmux ") == 0);
}

TEST_CASE("config: where the file is and what it may hold", "[worktrees]") {
  Flows f;
  CHECK(f.world.Must({"config", "path"}) ==
        (f.world.home() / ".config/workmux/config.yaml").string());
  const std::string reference = f.world.Must({"config", "reference"});
  for (const char* key :
       {"agent:", "panes:", "post_create:", "sandbox:", "worktree_dir:", "status_icons:"}) {
    CHECK(reference.find(key) != std::string::npos);
  }
  // It is a configuration itself.
  f.world.SetConfig(reference);
  const CommandResult listed = f.world.Run({"list"});
  CHECK(listed.exit.ok());
  CHECK(listed.err.find("workmux: ") == std::string::npos);
}

TEST_CASE("completions: bash completes commands, flags and worktrees", "[worktrees]") {
  if (!HaveTmux()) return;
  Flows f;
  f.world.Must({"add", "fix-login", "-b"});
  const auto complete = [&](const std::string& words, int index) {
    const std::string script = "source <(workmux completions bash); COMP_WORDS=(" + words +
                               "); COMP_CWORD=" + std::to_string(index) +
                               "; _workmux; printf '%s\\n' \"${COMPREPLY[@]}\"";
    return f.world.RunCommand({"bash", "--norc", "-c", script}, {}).out;
  };
  CHECK(complete("workmux me", 1) == "merge\n");
  CHECK(complete("workmux open fix", 2) == "fix-login\n");
  CHECK(complete("workmux merge --sq", 2) == "--squash\n");
  CHECK(complete("workmux daemon re", 2) == "restart\n");
  CHECK(complete("workmux daemon stop --sand", 3) == "--sandboxes\n");
  CHECK(complete("workmux completions f", 2) == "fish\n");
}

TEST_CASE("completions: zsh completes on a terminal", "[worktrees]") {
  if (!HaveTmux() || !HaveProgram("zsh")) return;
  Flows f;
  f.world.Must({"add", "fix-login", "-b"});
  WriteFile(f.world.home() / ".zshrc",
            "PROMPT='ready> '\nautoload -Uz compinit && compinit -u\nsource <(workmux completions "
            "zsh)\n");
  auto shell = f.world.StartCommand({"zsh", "-i"}, Program::Terminal{24, 120});
  REQUIRE(shell->Prints("ready> "));
  shell->Type("workmux mer\t--hel\t\r");
  CHECK(shell->Prints("Usage: workmux merge"));
  shell->Type("workmux path fix\t\r");
  CHECK(shell->Prints("repo__worktrees/fix-login"));
}

TEST_CASE("completions: fish completes commands, flags and worktrees", "[worktrees]") {
  if (!HaveTmux() || !HaveProgram("fish")) return;
  Flows f;
  f.world.Must({"add", "fix-login", "-b"});
  const auto complete = [&](const std::string& line) {
    return f.world
        .RunCommand({"fish", "-c", "workmux completions fish | source; complete -C '" + line + "'"},
                    {})
        .out;
  };
  CHECK(complete("workmux merg").find("merge") == 0);
  CHECK(complete("workmux open fix").find("fix-login") == 0);
  CHECK(complete("workmux merge --sq").find("--squash") == 0);
  CHECK(complete("workmux daemon re").find("restart") == 0);
}

}  // namespace workmux::test
