#include "daemon/domain/pane_planner.h"

#include "tests/unit/domain/worktree_world.h"

namespace workmux::daemon {
namespace {

using test::FakeAgents;
using test::Must;

PaneConfig Pane(const std::string& command, const std::string& split = "") {
  PaneConfig pane;
  if (!command.empty()) pane.command = command;
  pane.split = split;
  return pane;
}

Config WithPanes(std::vector<PaneConfig> panes) {
  Config config;
  config.panes = std::move(panes);
  return config;
}

PanePlanRequest Request() {
  PanePlanRequest request;
  request.cwd = "/w/it's";
  request.cli_path = "/opt/wm/workmux";
  return request;
}

TEST_CASE("PlanPanes: a pane is wrapped as the table says", "[panes]") {
  FakeAgents agents;
  Config config =
      WithPanes({Pane("<agent>"), Pane("just dev", "horizontal"), Pane("", "vertical")});
  PanePlanRequest request = Request();

  SECTION("without a sandbox nothing is") {
    const PanePlan plan = Must(PlanPanes(config, request, agents));
    CHECK(plan.panes[0].command == "claude");
    CHECK(plan.panes[1].command == "just dev");
    CHECK(plan.panes[2].command.empty());
    CHECK_FALSE(plan.sandboxed);
  }
  SECTION("with target agent the agent is") {
    request.sandboxed = true;
    const PanePlan plan = Must(PlanPanes(config, request, agents));
    CHECK(plan.panes[0].command ==
          " /opt/wm/workmux sandbox run '/w/it'\"'\"'s' -- 'claude --yolo'");
    CHECK(plan.panes[1].command == "just dev");
    CHECK(plan.panes[2].command.empty());
    CHECK(plan.sandboxed);
  }
  SECTION("with target all every command is, and every bare shell") {
    request.sandboxed = true;
    config.sandbox.target = SandboxTarget::kAll;
    const PanePlan plan = Must(PlanPanes(config, request, agents));
    CHECK(plan.panes[1].command == " /opt/wm/workmux sandbox run '/w/it'\"'\"'s' -- 'just dev'");
    CHECK(plan.panes[2].command == " /opt/wm/workmux sandbox shell");
    CHECK(plan.sandboxed);
  }
  SECTION("with target all nothing is typed where no commands are wanted") {
    request.sandboxed = request.no_pane_commands = true;
    config.sandbox.target = SandboxTarget::kAll;
    const PanePlan plan = Must(PlanPanes(config, request, agents));
    CHECK(plan.panes[2].command.empty());
    CHECK_FALSE(plan.sandboxed);
  }
  SECTION("with target all and no sandboxes a shell is the host's") {
    config.sandbox.target = SandboxTarget::kAll;
    CHECK(Must(PlanPanes(config, request, agents)).panes[2].command.empty());
  }
  SECTION("a literal agent command line is one too") {
    request.sandboxed = true;
    const PanePlan plan = Must(PlanPanes(WithPanes({Pane("claude -x")}), request, agents));
    CHECK(plan.panes[0].command.find("sandbox run") != std::string::npos);
    CHECK(agents.last.literal == "claude -x");
  }
}

TEST_CASE("PlanPanes: the chosen agent and backend reach the sandbox", "[panes]") {
  FakeAgents agents;
  PanePlanRequest request = Request();
  request.cwd = "/w";
  request.sandboxed = true;
  request.agent = "gemini";
  request.backend = "namespace";
  const PanePlan plan = Must(
      PlanPanes(WithPanes({Pane("<agent>"), Pane("<agent:cc> -v", "vertical")}), request, agents));
  CHECK(
      plan.panes[0].command ==
      " /opt/wm/workmux sandbox run '--agent=gemini' '--backend=namespace' /w -- 'gemini --yolo'");
  CHECK(plan.panes[1].command ==
        " /opt/wm/workmux sandbox run '--agent=cc' '--backend=namespace' /w -- 'cc --yolo -v'");
  CHECK(plan.agent == "gemini");
}

TEST_CASE("PlanPanes: with target all a shell gets the window's agent and backend", "[panes]") {
  FakeAgents agents;
  PanePlanRequest request = Request();
  request.sandboxed = true;
  request.agent = "gemini";
  request.backend = "namespace";
  Config config = WithPanes({Pane("<agent>"), Pane("", "vertical")});
  config.sandbox.target = SandboxTarget::kAll;
  CHECK(Must(PlanPanes(config, request, agents)).panes[1].command ==
        " /opt/wm/workmux sandbox shell '--agent=gemini' '--backend=namespace'");
}

TEST_CASE("PlanPanes: an agent without a pane takes the focused one", "[panes]") {
  FakeAgents agents;
  PanePlanRequest request = Request();
  request.agent = "codex";
  Config config = WithPanes({Pane("vim"), Pane("top", "vertical")});
  config.panes->at(1).focus = true;
  const PanePlan plan = Must(PlanPanes(config, request, agents));
  CHECK(plan.panes[0].command == "vim");
  CHECK(plan.panes[1].command == "codex");
  request.agent.clear();
  CHECK(Must(PlanPanes(config, request, agents)).panes[1].command == "top");
}

TEST_CASE("PlanPanes: a prompt goes to every agent, or is an error", "[panes]") {
  FakeAgents agents;
  PanePlanRequest request = Request();
  request.has_prompt = true;
  request.prompt_file = ".workmux/PROMPT-x.md";
  const PanePlan plan =
      Must(PlanPanes(WithPanes({Pane("<agent>"), Pane("<agent:b>", "vertical")}), request, agents));
  CHECK(plan.panes[0].command == "claude \"$(cat .workmux/PROMPT-x.md)\"");
  CHECK(plan.panes[1].command == "b \"$(cat .workmux/PROMPT-x.md)\"");

  CHECK(ReasonOf(PlanPanes(WithPanes({Pane("vim")}), request, agents).status()) ==
        "NO_PANE_FOR_PROMPT");
  request.no_pane_commands = true;
  CHECK(ReasonOf(PlanPanes(WithPanes({Pane("<agent>")}), request, agents).status()) ==
        "PROMPT_WITHOUT_COMMANDS");
}

TEST_CASE("PlanPanes: mistakes are named by their pane", "[panes]") {
  FakeAgents agents;
  const auto fails = [&](std::vector<PaneConfig> panes) {
    return ReasonOf(PlanPanes(WithPanes(std::move(panes)), Request(), agents).status());
  };
  PaneConfig sized = Pane("a", "vertical");
  sized.size = 3;
  sized.percentage = 10;
  PaneConfig later = Pane("a", "vertical");
  later.target = 1;
  CHECK(fails({Pane("<agentx>")}) == "BAD_PANES");
  CHECK(fails({Pane("<agent")}) == "BAD_PANES");
  CHECK(fails({Pane("echo a\nrm b")}) == "BAD_PANES");
  CHECK(fails({Pane("a", "vertical")}) == "BAD_PANES");
  CHECK(fails({Pane("a"), Pane("b")}) == "BAD_PANES");
  CHECK(fails({Pane("a"), sized}) == "BAD_PANES");
  CHECK(fails({Pane("a"), later}) == "BAD_PANES");
  CHECK(fails({Pane("a"), Pane("b\n", "vertical")}).empty());
}

}  // namespace
}  // namespace workmux::daemon
