#include "daemon/adapters/namespace/bwrap_argv.h"

#include "tests/support/status_matchers.h"
#include "tests/unit/sandbox/golden_argv.h"

namespace workmux::daemon {
namespace {

SandboxSpec Spec() {
  SandboxSpec spec;
  spec.name = "wm-docs-1a2b";
  spec.session_id = "s-1";
  spec.worktree = "/home/u/app__worktrees/docs";
  spec.cwd = "/home/u/app__worktrees/docs";
  spec.home = "/home/u";
  spec.mounts = {{"/home/u/.claude", "/home/u/.claude", true},
                 {"/home/u/app__worktrees/docs", "/home/u/app__worktrees/docs", true},
                 {"/state/bridge", "/run/workmux/bridge", false}};
  spec.env = {{"API_KEY", "canary\nsecret"}, {"HOME", "/home/u"}};
  spec.argv = {"sh", "-c", "claude"};
  return spec;
}

BwrapInput Input() {
  BwrapInput input;
  input.bwrap = "/usr/bin/bwrap";
  input.prlimit = "/usr/bin/prlimit";
  input.skeleton.directories = {"/usr", "/opt"};
  input.skeleton.links = {{"usr/bin", "/bin"}};
  input.skeleton.etc = {"/etc/hosts"};
  input.skeleton.passwd = "u:x:1000:1000::/home/u:/bin/bash\n";
  input.skeleton.group = "u:x:1000:\n";
  input.seccomp = "BPF";
  return input;
}

}  // namespace

TEST_CASE("BwrapArgv: a sandbox becomes one bwrap") {
  BwrapInput input = Input();
  input.programs = {{"/home/u/.local/bin/claude", "../share/claude/versions/2"},
                    {"/home/u/.local/share/claude/versions/2", std::nullopt},
                    {"/home/u/.claude/local", std::nullopt},
                    {"/usr/bin/node", std::nullopt},
                    {"/home/u/app__worktrees/docs/node_modules", std::nullopt}};
  const ExecPlan plan = test::Must(BuildBwrapPlan(Spec(), input));
  test::CheckGolden("bwrap.txt", test::Render(plan.argv, plan.files));
}

TEST_CASE("BwrapArgv: an isolated sandbox has a network of its own and a second filter") {
  SandboxSpec spec = Spec();
  spec.network = SandboxNetwork::kIsolated;
  spec.argv = {"/run/workmux/bin/workmux", "enter", "sh", "-c", "claude"};
  spec.env["WM_RESTRICTED"] = "1";
  BwrapInput input = Input();
  input.socket_filter = "SOCKETS";
  const ExecPlan plan = test::Must(BuildBwrapPlan(spec, input));
  test::CheckGolden("bwrap_isolated.txt", test::Render(plan.argv, plan.files));
  CHECK(ParseMarker(plan.argv).has_value());
  // Without either filter it would be less than what was asked for.
  CHECK_FALSE(BuildBwrapPlan(spec, Input()).ok());
  BwrapInput half = input;
  half.seccomp.clear();
  CHECK_FALSE(BuildBwrapPlan(spec, half).ok());
  SandboxSpec untold = spec;
  untold.env.erase("WM_RESTRICTED");
  CHECK_FALSE(BuildBwrapPlan(untold, input).ok());
  spec.argv = {"sh", "-c", "claude"};
  CHECK_FALSE(BuildBwrapPlan(spec, input).ok());
}

TEST_CASE("BwrapArgv: a firewall is refused") {
  SandboxSpec spec = Spec();
  spec.network = SandboxNetwork::kFirewalled;
  BwrapInput input = Input();
  input.socket_filter = "SOCKETS";
  CHECK(ReasonOf(BuildBwrapPlan(spec, input).status()) == "RUNTIME_OPTION_UNSUPPORTED");
}

TEST_CASE("BwrapArgv: only name, session and command stand in the arguments") {
  const ExecPlan plan = test::Must(BuildBwrapPlan(Spec(), Input()));
  for (const std::string& argument : plan.argv) CHECK(argument.find("canary") == std::string::npos);
  CHECK(plan.env.empty());
  const auto marker = ParseMarker(plan.argv);
  REQUIRE(marker.has_value());
  CHECK(marker->name == "wm-docs-1a2b");
  CHECK(marker->session_id == "s-1");
}

TEST_CASE("BwrapArgv: the home as a program is refused") {
  BwrapInput input = Input();
  input.programs = {{"/home/u", std::nullopt}};
  CHECK_CODE(BuildBwrapPlan(Spec(), input), absl::StatusCode::kInvalidArgument);
  input.programs = {{"/home", std::nullopt}};
  CHECK_CODE(BuildBwrapPlan(Spec(), input), absl::StatusCode::kInvalidArgument);
}

TEST_CASE("BwrapArgv: a NUL cannot smuggle a further argument in") {
  SandboxSpec spec = Spec();
  spec.env["X"] = std::string("a\0--bind\0/\0/", 12);
  CHECK_CODE(BuildBwrapPlan(spec, Input()), absl::StatusCode::kInvalidArgument);
}

}  // namespace workmux::daemon
