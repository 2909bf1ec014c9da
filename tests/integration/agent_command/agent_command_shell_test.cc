// The lines are run by the shells themselves, with a program that prints its
// arguments; what arrives must be what the prompt's file holds.

#include <filesystem>
#include <iostream>

#include "common/base/strings.h"
#include "common/process/posix_command_runner.h"
#include "daemon/domain/agent_command.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

struct Shell {
  std::string name;
  std::vector<std::string> options;
  bool posix = true;
};

const Shell kShells[] = {
    {"sh", {}, true},
    {"dash", {}, true},
    {"bash", {"--norc"}, true},
    {"zsh", {"-f"}, true},
    {"fish", {"--no-config"}, true},
    {"fish", {"--no-config"}, false},
};

struct Pane {
  test::TempDir dir;
  PosixCommandRunner runner;
  Env env{{"PATH", "/usr/bin:/bin"}, {"HOME", dir.path().string()}, {"LC_ALL", "C.UTF-8"}};

  Pane() {
    fs::create_directories(dir / "bin");
    fs::create_directories(dir / ".workmux");
    // NUL ends each argument: the only byte that none can hold.
    for (const std::string name : {"claude", "gemini", "pi"}) {
      test::WriteFile(dir / "bin" / name, "#!/bin/sh\nprintf '%s\\0' \"$@\"\n");
      fs::permissions(dir / "bin" / name, fs::perms::owner_all);
    }
    env["PATH"] = (dir / "bin").string() + ":/usr/bin:/bin";
  }

  std::vector<std::string> Arguments(const Shell& shell, const std::string& line) {
    Command command;
    command.argv = {shell.name};
    command.argv.insert(command.argv.end(), shell.options.begin(), shell.options.end());
    command.argv.insert(command.argv.end(), {"-c", line});
    command.cwd = dir.path();
    command.env = env;
    const CommandResult result = test::Must(runner.Run(command, {}));
    INFO(result.err);
    CHECK(result.exit.ok());
    std::vector<std::string> arguments = Split(result.out, '\0');
    arguments.pop_back();
    return arguments;
  }
};

const std::string kPrompts[] = {
    "plain",
    "--dangerously-skip-permissions",
    "-x",
    "two\nlines \"quoted\" 'single' \\ back\\\\slash",
    "$(touch pwned) `touch pwned` ${HOME} $HOME ; touch pwned & touch pwned | x",
    "!! !x *.md ~ # {a,b} %1 =ls <(ls)",
    "tab\there \x1b[31m ünïcödé 🤖",
};
const std::string kPaths[] = {
    ".workmux/PROMPT-x.md",
    ".workmux/PROMPT-it's.md",
    ".workmux/PROMPT-$(touch pwned)`touch pwned`.md",
    ".workmux/PROMPT-\"a\" b;touch pwned.md",
    ".workmux/PROMPT-!x\\n%s\\0101*.md",
    "-n.md",
    ".workmux/PROMPT-ünï.md",
};

bool ShellExists(const Shell& shell, const Env& env) {
  if (FindProgram(shell.name, env).ok()) return true;
  std::cout << "SKIPPED: no " << shell.name << "\n";
  return false;
}

TEST_CASE("AgentCommand: every shell hands over the prompt as one argument", "[agent]") {
  Pane pane;
  struct Form {
    std::string agent;
    std::vector<std::string> before;
    std::string prefix;
  };
  const Form forms[] = {{"claude", {"--"}, ""}, {"gemini", {}, "-i="}, {"pi", {}, " "}};
  for (const Shell& shell : kShells) {
    if (!ShellExists(shell, pane.env)) return;
    for (const Form& form : forms) {
      for (std::size_t i = 0; i < std::size(kPrompts); ++i) {
        const fs::path path = kPaths[i % std::size(kPaths)];
        test::WriteFile(pane.dir / path, kPrompts[i] + "\n");
        AgentCommandOptions options;
        options.prompt_file = path;
        options.login_shell_is_posix = shell.posix;
        const std::string line = BuildAgentCommand(ResolveAgent({}, form.agent), options);
        INFO(shell.name << " " << line);
        std::vector<std::string> expected = form.before;
        expected.push_back(form.prefix + kPrompts[i]);
        CHECK(pane.Arguments(shell, line) == expected);
      }
    }
    CHECK_FALSE(fs::exists(pane.dir / "pwned"));
  }
}

TEST_CASE("AgentCommand: the hostile path does harm when it is put in as it is", "[agent]") {
  Pane pane;
  pane.Arguments(kShells[0], Format("claude -- \"$(cat {})\"; true", kPaths[2]));
  CHECK(fs::exists(pane.dir / "pwned"));
}

TEST_CASE("AgentCommand: history expansion does not touch the line", "[agent]") {
  Pane pane;
  const Shell shells[] = {{"bash", {"--norc"}}, {"zsh", {"-f", "-i"}}};
  const auto typed = [&](const Shell& shell, const std::string& line) {
    Command command;
    command.argv = {shell.name};
    command.argv.insert(command.argv.end(), shell.options.begin(), shell.options.end());
    command.cwd = pane.dir.path();
    command.env = pane.env;
    const std::string setup = shell.name == "bash" ? "set -o history -o histexpand\n" : "";
    command.stdin_data = setup + line + "\n";
    return test::Must(pane.runner.Run(command, {})).out;
  };
  const std::string arrived("--\0hello\0", 9);
  for (const Shell& shell : shells) {
    if (!ShellExists(shell, pane.env)) return;
    for (const std::string path : {"!x.md", "it's!x.md", "a'!b'!c!.md", "'!'", "\"!\"!x"}) {
      test::WriteFile(pane.dir / path, "hello");
      AgentCommandOptions options;
      options.prompt_file = path;
      const std::string line = BuildAgentCommand(ResolveAgent({}, "claude"), options);
      INFO(shell.name << " " << line);
      CHECK(typed(shell, line).find(arrived) != std::string::npos);
    }
    CHECK(typed(shell, "claude -- \"$(cat -- \"!x.md\")\"").find("hello") == std::string::npos);
  }
}

TEST_CASE("AgentCommand: arguments and environment arrive as they were configured", "[agent]") {
  Pane pane;
  test::WriteFile(pane.dir / "bin/claude",
                  "#!/bin/sh\nprintf '%s\\0' \"$LITERAL\" \"$COPIED\" \"$@\"\n");
  pane.env["SOURCE"] = "a 'b' $(touch pwned)";
  Config config;
  AgentConfig& agent = config.agents["claude"];
  agent.args = {"it's", "$(touch pwned)", "a\\b", ""};
  agent.env = {{"LITERAL", "x'y\"z $(touch pwned) \\"}, {"COPIED", EnvFrom{"SOURCE"}}};
  for (const Shell& shell : kShells) {
    if (!ShellExists(shell, pane.env)) return;
    AgentCommandOptions options;
    options.login_shell_is_posix = shell.posix;
    const std::string line = BuildAgentCommand(ResolveAgent(config, ""), options);
    INFO(shell.name << " " << line);
    CHECK(pane.Arguments(shell, line) == std::vector<std::string>{"x'y\"z $(touch pwned) \\",
                                                                  "a 'b' $(touch pwned)", "it's",
                                                                  "$(touch pwned)", "a\\b", ""});
  }
  CHECK_FALSE(fs::exists(pane.dir / "pwned"));
}

}  // namespace
}  // namespace workmux::daemon
