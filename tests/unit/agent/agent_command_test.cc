#include "daemon/domain/agent_command.h"

#include "tests/support/catch.h"

namespace workmux::daemon {
namespace {

AgentCommandOptions Prompt() {
  AgentCommandOptions options;
  options.prompt_file = ".workmux/PROMPT-x.md";
  return options;
}

std::string Build(std::string_view agent, const AgentCommandOptions& options,
                  const Config& config = {}) {
  return BuildAgentCommand(ResolveAgent(config, agent), options);
}

TEST_CASE("AgentCommand: each profile gets its prompt in its own form", "[agent]") {
  struct Case {
    std::string agent;
    std::string line;
  };
  const Case cases[] = {
      {"", "claude -- \"$(cat -- .workmux/PROMPT-x.md)\""},
      {"codex", "codex -- \"$(cat -- .workmux/PROMPT-x.md)\""},
      {"gemini", "gemini -i=\"$(cat -- .workmux/PROMPT-x.md)\""},
      {"agy", "agy -i=\"$(cat -- .workmux/PROMPT-x.md)\""},
      {"opencode", "opencode --prompt=\"$(cat -- .workmux/PROMPT-x.md)\""},
      {"pi", "pi \" $(cat -- .workmux/PROMPT-x.md)\""},
      {"omp", "omp \" $(cat -- .workmux/PROMPT-x.md)\""},
      {"kiro-cli", "kiro-cli chat -- \"$(cat -- .workmux/PROMPT-x.md)\""},
      {"vibe", "vibe -- \"$(cat -- .workmux/PROMPT-x.md)\""},
      {"mine --fast", "mine --fast -- \"$(cat -- .workmux/PROMPT-x.md)\""},
  };
  for (const Case& c : cases) CHECK(Build(c.agent, Prompt()) == c.line);
}

TEST_CASE("AgentCommand: a prompt too long for an argument is named", "[agent]") {
  AgentCommandOptions options = Prompt();
  options.prompt_by_name = true;
  CHECK(Build("claude", options) == "claude -- 'Read .workmux/PROMPT-x.md and do what it says.'");
  CHECK(Build("gemini", options) == "gemini -i='Read .workmux/PROMPT-x.md and do what it says.'");
  CHECK(Build("pi", options) == "pi 'Read .workmux/PROMPT-x.md and do what it says.'");
}

TEST_CASE("AgentCommand: questions are turned off in a sandbox only", "[agent]") {
  AgentCommandOptions options;
  options.sandboxed = true;
  CHECK(Build("claude --verbose", options) == "claude --dangerously-skip-permissions --verbose");
  CHECK(Build("codex", options) == "codex --yolo");
  CHECK(Build("codex --yolo -m x", options) == "codex --yolo -m x");
  CHECK(Build("vibe", options) == "vibe --agent auto-approve");
  CHECK(Build("unknown", options) == "unknown");
  options.sandboxed = false;
  CHECK(Build("claude --verbose", options) == "claude --verbose");
}

TEST_CASE("AgentCommand: continuing comes before the prompt", "[agent]") {
  AgentCommandOptions options = Prompt();
  options.resume = true;
  options.sandboxed = true;
  options.extra_args = "-m 'big model'";
  CHECK(Build("codex", options) ==
        "codex --yolo -m 'big model' resume --last -- \"$(cat -- .workmux/PROMPT-x.md)\"");
  CHECK(Build("kiro-cli chat", options) ==
        "kiro-cli chat -m 'big model' --resume -- \"$(cat -- .workmux/PROMPT-x.md)\"");
}

TEST_CASE("AgentCommand: a path that a shell would read is quoted", "[agent]") {
  AgentCommandOptions options;
  options.prompt_file = ".workmux/$(a) b.md";
  CHECK(Build("claude", options) == "claude -- \"$(cat -- '.workmux/$(a) b.md')\"");
  options.login_shell_is_posix = false;
  options.prompt_file = ".workmux/x.md";
  CHECK(Build("claude", options) == "sh -c 'claude -- \"$(cat -- .workmux/x.md)\"'");
}

TEST_CASE("AgentCommand: the agent is chosen by command line, configuration, default", "[agent]") {
  Config config;
  CHECK(ResolveAgent(config, "").name == "claude");
  config.agent = "codex";
  CHECK(ResolveAgent(config, "").name == "codex");
  CHECK(ResolveAgent(config, "gemini").name == "gemini");
  CHECK(ResolveAgent(config, "/opt/bin/gemini.sh --x").profile->name == "gemini");
  CHECK(ResolveAgent(config, "/opt/bin/mine --x").name == "mine");
  CHECK_FALSE(IsKnown(*ResolveAgent(config, "mine").profile));
}

TEST_CASE("AgentCommand: a declared agent may wrap or shadow a known one", "[agent]") {
  Config config;
  config.agent = "work";
  AgentConfig& work = config.agents["work"];
  work.command = "/opt/wrap.sh --team";
  work.type = "claude";
  work.args = {"--model", "it's"};
  work.env = {{"A", "x y"}, {"T", EnvFrom{"TOKEN"}}};
  const ResolvedAgent agent = ResolveAgent(config, "");
  CHECK(agent.name == "work");
  CHECK(agent.profile->name == "claude");
  AgentCommandOptions options;
  options.sandboxed = true;
  CHECK(BuildAgentCommand(agent, options) ==
        "env A='x y' T=\"$TOKEN\" /opt/wrap.sh --dangerously-skip-permissions --team --model "
        "'it'\"'\"'s'");

  config.agents["claude"].command = "env -u X B=1 claude";
  config.agents["claude"].env = {{"A", "1"}};
  CHECK(Build("claude", {}, config) == "env -u X B=1 A=1 claude");
  config.agents["codex"].args = {"-a"};
  CHECK(Build("codex", {}, config) == "codex -a");
}

TEST_CASE("AgentCommand: the program is found behind env and assignments", "[agent]") {
  struct Case {
    std::string text;
    std::string program;
  };
  const Case cases[] = {
      {"claude", "claude"},
      {"  A=1 B='x y' claude -x", "claude"},
      {"env -i A=1 -u B --chdir /x claude", "claude"},
      {"/usr/bin/env claude", "claude"},
      {"'/opt/my dir/claude' -x", "'/opt/my dir/claude'"},
      {"env -S 'claude -x'", ""},
      {"$(which claude)", ""},
      {"A=$(id) claude", ""},
      {"(cd x && claude)", ""},
      {"'open", ""},
      {"env", ""},
      {"", ""},
  };
  for (const Case& c : cases) {
    INFO(c.text);
    const CommandLine line = SplitCommandLine(c.text);
    CHECK(line.program == c.program);
    const std::string whole = line.before + line.program + line.after;
    CHECK(c.text.find(whole) != std::string::npos);
  }
  CHECK(ResolveAgent({}, "'/opt/my dir/claude' -x").profile->name == "claude");
}

TEST_CASE("AgentProfile: unknown programs get the default", "[agent]") {
  CHECK(FindProfile("claude").name == "claude");
  CHECK(FindProfile("/a/b.c/codex").name == "codex");
  CHECK(FindProfile("").name == "default");
  CHECK(FindProfile("claude-wrapper").name == "default");
  CHECK(FindProfile(".claude").name == "default");
  CHECK(FindProfile("codex").dir_variable == "CODEX_HOME");
}

}  // namespace
}  // namespace workmux::daemon
