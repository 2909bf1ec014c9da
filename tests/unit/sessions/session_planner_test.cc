#include "daemon/domain/session_planner.h"

#include "tests/fakes/session_world.h"

namespace workmux::daemon {
namespace {

using test::SessionWorld;

SessionRequest AgentRequest(const SessionWorld& w, const std::string& agent = {}) {
  SessionRequest request = w.Request();
  request.command.clear();
  request.purpose = SessionPurpose::kAgent;
  request.agent = agent;
  return request;
}

TEST_CASE("SessionPlanner: the image of a session is the agent's") {
  SessionWorld w;
  CHECK(test::Must(w.planner.Plan(AgentRequest(w, "codex"))).image ==
        "ghcr.io/raine/workmux-sandbox:codex");
  SessionRequest request = AgentRequest(w, "codex");
  request.image = "registry.example/{agent}-dev:1";
  CHECK(test::Must(w.planner.Plan(request)).image == "registry.example/codex-dev:1");
  request.image = "plain:1";
  CHECK(test::Must(w.planner.Plan(request)).image == "plain:1");
}

TEST_CASE("SessionPlanner: readiness is asked for the image that would be used") {
  SessionWorld w;
  Config config;
  config.sandbox.image = "box:{agent}";
  REQUIRE_OK(w.planner.CheckReady(config, "gemini", "", w.caller.env));
  CHECK(w.log.calls().back() == "check box:gemini");
  w.log.failures["check"] = FailedPrecondition("no image");
  CHECK_CODE(w.planner.CheckReady(config, "gemini", "", w.caller.env),
             absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("SessionPlanner: a firewall that cannot be had is told before anything is made") {
  SessionWorld w;
  Config config;
  config.sandbox.network.policy = NetworkPolicy::kDeny;
  w.log.failures["firewall-address"] = FailedPrecondition("rootless");
  CHECK_OK(w.planner.CheckReady(config, "gemini", "", w.caller.env));
  config.sandbox.network.enforcement = NetworkEnforcement::kFirewall;
  CHECK(MessageOf(w.planner.CheckReady(config, "gemini", "", w.caller.env)) == "rootless");
}

TEST_CASE("SessionPlanner: a command runs as it was given") {
  SessionWorld w;
  SessionRequest request = w.Request();
  request.command = {"printf", "%s", "a b; $(c)"};
  CHECK(test::Must(w.planner.Plan(request)).argv == request.command);
}

TEST_CASE("SessionPlanner: a shell command is one string for a shell") {
  SessionWorld w;
  SessionRequest request = w.Request();
  request.shell_command = true;
  request.command = {"make", "-j", "| tee log"};
  CHECK(test::Must(w.planner.Plan(request)).argv ==
        std::vector<std::string>{"/bin/sh", "-c", "make -j | tee log"});
}

TEST_CASE("SessionPlanner: without a command the agent runs, or a shell") {
  SessionWorld w;
  const std::vector<std::string> agent = test::Must(w.planner.Plan(AgentRequest(w, "codex"))).argv;
  REQUIRE(agent.size() == 3);
  CHECK_THAT(agent[2], Catch::Contains("codex"));
  SessionRequest request = AgentRequest(w);
  request.purpose = SessionPurpose::kShell;
  const SessionPlan shell = test::Must(w.planner.Plan(request));
  CHECK_THAT(shell.argv.back(), Catch::Contains("exec sh"));
  // A person's shell has nothing to report.
  CHECK_FALSE(shell.bridge);
  CHECK(test::Must(w.planner.Plan(AgentRequest(w))).bridge);
}

TEST_CASE("SessionPlanner: the agent that is started decides about settings, and none are made") {
  SessionWorld w;
  const std::filesystem::path home = w.dir / "home";
  SessionRequest request = AgentRequest(w, "codex");
  const SessionPlan plan = test::Must(w.planner.Plan(request));
  REQUIRE(plan.agent_config.has_value());
  CHECK(plan.agent_config->profile == "codex");
  CHECK(plan.agent_config->host_dir == home / ".codex");
  request.backend = "namespace";
  CHECK(test::Must(w.planner.Plan(request)).agent_config->target == home / ".codex");
  CHECK_FALSE(std::filesystem::exists(home / ".codex"));
}

TEST_CASE("SessionPlanner: a variable names the settings only where they stand elsewhere") {
  SessionWorld w;
  SessionRequest request = AgentRequest(w, "codex");
  CHECK(test::Must(w.planner.Plan(request)).agent_env == Env{{"CODEX_HOME", "/home/user/.codex"}});
  request.backend = "namespace";
  CHECK(test::Must(w.planner.Plan(request)).agent_env.empty());
}

TEST_CASE("SessionPlanner: the agent's program is brought along where the host's is used") {
  SessionWorld w;
  w.installed = {{"/home/u/.npm"}, {"/home/u/.npm/bin"}};
  SessionRequest request = AgentRequest(w, "claude");
  CHECK(test::Must(w.planner.Plan(request)).programs.empty());
  request.backend = "namespace";
  const SessionPlan plan = test::Must(w.planner.Plan(request));
  CHECK(plan.programs == w.installed.read_only);
  CHECK(plan.path_dirs == w.installed.path_dirs);
}

TEST_CASE("SessionPlanner: a backend that does not exist is refused with those that do") {
  SessionWorld w;
  SessionRequest request = w.Request();
  request.backend = "chroot";
  const absl::Status refused = w.planner.Plan(request).status();
  CHECK_CODE(refused, absl::StatusCode::kInvalidArgument);
  CHECK_THAT(HintOf(refused), Catch::Contains("namespace"));
}

TEST_CASE("SessionPlanner: without a usable HOME nothing is planned") {
  SessionWorld w;
  SessionRequest request = w.Request();
  request.caller.env["HOME"] = "relative";
  CHECK_CODE(w.planner.Plan(request), absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("SessionPlanner: a project file that needs approval opens no session") {
  SessionWorld w;
  w.trust.sandboxed.insert(w.git.repository().common_dir);
  test::WriteFile(w.git.repository().main_worktree / ".workmux.yaml", "agent: evil\n");
  CHECK(ReasonOf(w.planner.Plan(w.Request()).status()) == "CONFIG_NEEDS_TRUST");
}

TEST_CASE("SessionPlanner: the sandbox gets the token and the address of its own bridge only") {
  SessionWorld w;
  const SessionPlan plan = test::Must(w.planner.Plan(AgentRequest(w)));
  SessionPlanner::Endpoints endpoints;
  endpoints.token = Secret("word");
  endpoints.rpc_host = "host.docker.internal";
  endpoints.rpc_port = 4711;
  endpoints.bridge_dir = "/run/user/1/workmux/s/x";
  endpoints.guest_dir = "/usr/lib/workmux/guest";
  endpoints.git_mounts = {{"/private.git", w.git.repository().common_dir, true}};
  const SandboxSpec spec = test::Must(SessionPlanner::BuildSpec(plan, AgentRequest(w), endpoints));
  const auto holds = [&](std::string_view text) {
    for (const auto& [name, value] : spec.env) {
      if (value.find(text) != std::string::npos) return true;
    }
    return false;
  };
  CHECK(holds("word"));
  CHECK(holds("host.docker.internal"));
  CHECK(holds("a@example.com"));
  CHECK(spec.env.at("PATH") ==
        "/run/workmux/bin:/tmp/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:"
        "/sbin");
  CHECK(spec.name.ends_with(plan.session_id));
  CHECK(spec.home == "/tmp");
  CHECK(spec.container.pids > 0);
  CHECK(spec.uid == ::geteuid());

  SessionPlan silent = plan;
  silent.bridge = false;
  const SandboxSpec without =
      test::Must(SessionPlanner::BuildSpec(silent, AgentRequest(w), endpoints));
  for (const auto& [name, value] : without.env) CHECK(value.find("word") == std::string::npos);
}

TEST_CASE("SessionPlanner: a sandbox's name is one that engines and kernels take") {
  SessionWorld w;
  SessionPlan plan = test::Must(w.planner.Plan(w.Request()));
  SessionPlanner::Endpoints endpoints;
  endpoints.git_mounts = {{"/private.git", w.git.repository().common_dir, true}};
  const auto name_for = [&](const std::string& handle) {
    plan.worktree.path = "/trees/" + handle;
    return test::Must(SessionPlanner::BuildSpec(plan, w.Request(), endpoints)).name;
  };
  CHECK(name_for("fix-login") == "wm-fix-login-" + plan.session_id);
  CHECK(name_for("sch\u00f6n neu") == "wm-sch-n-neu-" + plan.session_id);
  CHECK(name_for("\u4e16\u754c") == "wm-" + plan.session_id);
  const std::string longest = name_for(std::string(200, 'x'));
  CHECK(longest.size() <= 64);
  CHECK(longest.ends_with("x-" + plan.session_id));
}

TEST_CASE("SessionPlanner: with a private repository the host's git directory is not mounted") {
  SessionWorld w;
  const SessionPlan plan = test::Must(w.planner.Plan(w.Request()));
  SessionPlanner::Endpoints endpoints;
  const absl::Status uncovered = SessionPlanner::BuildSpec(plan, w.Request(), endpoints).status();
  CHECK(ReasonOf(uncovered) == "MOUNT_EXPOSES_GIT");
}

}  // namespace
}  // namespace workmux::daemon
