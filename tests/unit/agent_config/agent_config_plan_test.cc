#include "daemon/domain/agent_config_plan.h"

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

using test::Must;

constexpr char kHome[] = "/home/u";

absl::StatusOr<std::optional<AgentConfigPlan>> Plan(const Config& config, const std::string& agent,
                                                    bool container = true) {
  const ResolvedAgent resolved = ResolveAgent(config, agent);
  return PlanAgentConfig(
      {.agent = resolved, .sandbox = config.sandbox, .home = kHome, .container = container});
}

AgentConfigPlan MustPlan(const Config& config, const std::string& agent, bool container = true) {
  const auto plan = Must(Plan(config, agent, container));
  REQUIRE(plan.has_value());
  return *plan;
}

}  // namespace

TEST_CASE("AgentConfigPlan: each agent's directory, where its HOME is") {
  const Config config;
  for (const auto& [agent, host, target] : std::vector<std::array<std::string, 3>>{
           {"claude", "/home/u/.claude", "/tmp/.claude"},
           {"codex", "/home/u/.codex", "/home/user/.codex"},
           {"gemini", "/home/u/.gemini", "/tmp/.gemini"},
           {"opencode", "/home/u/.local/share/opencode", "/tmp/.local/share/opencode"},
           {"pi", "/home/u/.pi/agent", "/tmp/.pi/agent"},
           {"omp", "/home/u/.omp/agent", "/tmp/.omp/agent"},
           {"copilot", "/home/u/.copilot", "/tmp/.copilot"},
           {"agy", "/home/u/.gemini/antigravity-cli", "/tmp/.gemini/antigravity-cli"}}) {
    INFO(agent);
    const AgentConfigPlan inside = MustPlan(config, agent);
    CHECK(inside.profile == agent);
    CHECK(inside.host_dir == host);
    CHECK(inside.target == target);
    CHECK_FALSE(inside.shared);
    CHECK(MustPlan(config, agent, /*container=*/false).target == host);
  }
  CHECK_FALSE(Must(Plan(config, "make")).has_value());
  CHECK_FALSE(Must(Plan(config, "vibe")).has_value());
}

TEST_CASE("AgentConfigPlan: Claude's second file, as a file and as a directory") {
  const AgentConfigPlan container = MustPlan({}, "claude");
  CHECK(container.seed_file == "/home/u/.claude-sandbox.json");
  CHECK(container.seed_target == "/tmp/.claude.json");
  CHECK(container.seed_dir == "/home/u/.claude-sandbox-config");
  CHECK(container.seed_dir_target == "/tmp/.claude-sandbox-config");
  CHECK(MustPlan({}, "claude", false).seed_target == "/home/u/.claude.json");
  CHECK(MustPlan({}, "codex").seed_file.empty());
}

TEST_CASE("AgentConfigPlan: OpenCode's configuration stands beside its data") {
  const AgentConfigPlan plan = MustPlan({}, "opencode");
  CHECK(plan.settings_dir == "/home/u/.config/opencode");
  CHECK(plan.settings_target == "/tmp/.config/opencode");
}

TEST_CASE("AgentConfigPlan: agent_config_dir stands in place of the agent's own") {
  Config config;
  config.sandbox.agent_config_dir = "~/sandboxes/{agent}/{agent}";
  config.sandbox.agent_config = AgentConfigMode::kShared;
  const AgentConfigPlan plan = MustPlan(config, "codex");
  CHECK(plan.host_dir == "/home/u/sandboxes/codex/codex");
  CHECK(plan.target == "/home/user/.codex");
  CHECK(plan.shared);
  // Agents of which nothing is known have one too then.
  const AgentConfigPlan unknown = MustPlan(config, "/opt/bin/goose");
  CHECK(unknown.host_dir == "/home/u/sandboxes/goose/goose");
  CHECK(unknown.target == "/tmp/.goose");
  CHECK(MustPlan(config, "goose", false).target == "/home/u/.goose");
  CHECK_FALSE(Must(Plan(config, "..")).has_value());
}

TEST_CASE("AgentConfigPlan: the agent's own environment comes first") {
  Config config;
  config.sandbox.agent_config_dir = "/srv/{agent}";
  config.agents["work"] = {.command = "claude",
                           .type = {},
                           .args = {},
                           .env = {{"CLAUDE_CONFIG_DIR", std::string("/home/u/.claude-work")}}};
  const AgentConfigPlan plan = MustPlan(config, "work");
  CHECK(plan.profile == "claude");
  CHECK(plan.host_dir == "/home/u/.claude-work");
  CHECK(plan.target == "/home/u/.claude-work");
  // Claude keeps its file in there then.
  CHECK(plan.seed_target.empty());
  CHECK_FALSE(plan.seed_file.empty());
  // What a variable of the sandbox holds names nothing on the host.
  config.agents["work"].env = {{"CLAUDE_CONFIG_DIR", EnvFrom{"ELSEWHERE"}}};
  CHECK(MustPlan(config, "work").host_dir == "/srv/claude");
  // Another agent's variable means nothing.
  config.agents["work"].env = {{"CODEX_HOME", std::string("/home/u/.codex-work")}};
  CHECK(MustPlan(config, "work").host_dir == "/srv/claude");
}

TEST_CASE("AgentConfigPlan: directories that would give more away are refused") {
  Config config;
  for (const char* dir : {"/", "/home", "/home/u", "~/", "/home/u/../v", "/etc/claude", "/usr",
                          "/proc/self", "/tmp", "/home/u/.", "/home/u//x", "/home/u/x\ty"}) {
    INFO(dir);
    config.sandbox.agent_config_dir = dir;
    CHECK(ReasonOf(Plan(config, "claude").status()) == "AGENT_DIR_INVALID");
  }
  config.sandbox.agent_config_dir = "";
  for (const char* dir : {"relative", "~/x", "/", "/home/u", "/usr/lib"}) {
    INFO(dir);
    config.agents["work"] = {
        .command = "codex", .type = {}, .args = {}, .env = {{"CODEX_HOME", std::string(dir)}}};
    CHECK(ReasonOf(Plan(config, "work").status()) == "AGENT_DIR_INVALID");
  }
}

}  // namespace workmux::daemon
