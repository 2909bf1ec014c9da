#include "daemon/adapters/container/run_argv.h"

#include <algorithm>

#include "daemon/adapters/container/firewall_argv.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/sandbox/golden_argv.h"

namespace workmux::daemon {
namespace {

SandboxSpec Spec() {
  SandboxSpec spec;
  spec.name = "wm-docs-1a2b";
  spec.session_id = "s-1";
  spec.instance = "0123456789abcdef";
  spec.worktree = "/home/u/app__worktrees/docs";
  spec.cwd = "/home/u/app__worktrees/docs/api";
  spec.home = "/tmp";
  spec.mounts = {{"/home/u/app", "/home/u/app", true},
                 {"/home/u/app__worktrees/docs", "/home/u/app__worktrees/docs", true},
                 {"/home/u/a,b \"c\"=d", "/mnt/a,b", false}};
  spec.env = {
      {"TERM", "xterm"}, {"API_KEY", "canary-secret"}, {"PEM", "-----BEGIN\ncanary-lines\n"}};
  spec.argv = {"sh", "-c", "claude --continue"};
  spec.agent = "claude";
  spec.image = "workmux-sandbox:claude";
  spec.uid = 1000;
  spec.gid = 1001;
  return spec;
}

// What its client can express.
SandboxSpec ForApple(SandboxSpec spec) {
  spec.mounts.back() = {"/home/u/a b", "/mnt/a b", false};
  if (!spec.container.cpus.empty()) spec.container.cpus = "2";
  return spec;
}

RuntimeTraits Docker() { return test::Must(RuntimeTraitsFor("docker")); }

bool Mentions(const EngineCall& call, const std::string& text) {
  return std::any_of(call.argv.begin(), call.argv.end(), [&](const std::string& argument) {
    return argument.find(text) != std::string::npos;
  });
}

}  // namespace

TEST_CASE("RunArgv: a sandbox becomes one docker create") {
  const EngineCall call = test::Must(BuildCreateCall(Docker(), EngineFacts{}, Spec()));
  test::CheckGolden("docker_create.txt", test::Render(call.argv, call.files));
}

TEST_CASE("RunArgv: an isolated sandbox has no network, and no name for the host") {
  SandboxSpec spec = Spec();
  spec.network = SandboxNetwork::kIsolated;
  CHECK_FALSE(BuildCreateCall(Docker(), EngineFacts{}, spec).ok());  // nothing restricts it
  spec.argv.insert(spec.argv.begin(), {"/run/workmux/bin/workmux", "enter"});
  spec.env["WM_RESTRICTED"] = "1";
  const EngineCall call = test::Must(BuildCreateCall(Docker(), EngineFacts{}, spec));
  test::CheckGolden("docker_create_isolated.txt", test::Render(call.argv, call.files));
  const EngineCall podman =
      test::Must(BuildCreateCall(test::Must(RuntimeTraitsFor("podman")), EngineFacts{}, spec));
  CHECK(Mentions(podman, "--network=none"));
  CHECK_FALSE(Mentions(podman, "--init"));
  const EngineCall exec =
      test::Must(BuildExecCall(Docker(), spec, std::vector<std::string>{"bash", "-l"}, true));
  const std::vector<std::string> command = {"--",   "wm-docs-1a2b", "/run/workmux/bin/workmux",
                                            "join", "bash",         "-l"};
  REQUIRE(exec.argv.size() > command.size());
  CHECK(std::equal(command.begin(), command.end(),
                   exec.argv.end() - static_cast<std::ptrdiff_t>(command.size())));
}

TEST_CASE("RunArgv: a firewalled sandbox is on the bridge, without a capability or a wait less") {
  SandboxSpec spec = Spec();
  spec.network = SandboxNetwork::kFirewalled;
  spec.argv.insert(spec.argv.begin(), {"/run/workmux/bin/workmux", "enter"});
  spec.env["WM_RESTRICTED"] = "1";
  spec.firewall = {.address = "172.17.0.1", .proxy_port = 40001, .bridge_port = 40002};
  CHECK_FALSE(BuildCreateCall(Docker(), EngineFacts{}, spec).ok());  // nothing waits for it
  spec.env["WM_FIREWALL"] = "172.17.0.1";
  const EngineCall call = test::Must(BuildCreateCall(Docker(), EngineFacts{}, spec));
  test::CheckGolden("docker_create_firewall.txt", test::Render(call.argv, call.files));
  CHECK_FALSE(Mentions(call, "--cap-add=NET_ADMIN"));
  const EngineCall podman =
      test::Must(BuildCreateCall(test::Must(RuntimeTraitsFor("podman")), EngineFacts{}, spec));
  CHECK(Mentions(podman, "--network=podman"));
  spec.firewall.address.clear();
  CHECK_FALSE(BuildCreateCall(Docker(), EngineFacts{}, spec).ok());
}

TEST_CASE("RunArgv: the firewall's helper has one capability and nothing of the user's") {
  SandboxSpec spec = Spec();
  spec.mounts.push_back({"/usr/lib/workmux/guest", "/run/workmux/bin", false});
  spec.firewall = {.address = "172.17.0.1", .proxy_port = 40001, .bridge_port = 40002};
  const EngineCall call = test::Must(BuildFirewallCall(Docker(), spec));
  test::CheckGolden("docker_firewall.txt", test::Render(call.argv, call.files));
  CHECK(call.env.empty());
  spec.firewall.bridge_port = 0;
  CHECK(test::Must(BuildFirewallCall(Docker(), spec)).argv.back() == "40001");
  CHECK_FALSE(BuildFirewallCall(test::Must(RuntimeTraitsFor("apple-container")), spec).ok());
  spec.firewall.proxy_port = 0;
  CHECK_FALSE(BuildFirewallCall(Docker(), spec).ok());
}

TEST_CASE("RunArgv: what would take a firewall away is refused beside it") {
  SandboxConfig config;
  config.network.policy = NetworkPolicy::kDeny;
  config.network.enforcement = NetworkEnforcement::kFirewall;
  config.container.cap_add = {"CHOWN"};
  config.container.oci_runtime = "crun";
  CHECK_OK(CheckRuntimeOptions(Docker(), config));
  for (const char* name : {"NET_ADMIN", "cap_net_raw", "all", "CAP_SYS_ADMIN"}) {
    INFO(name);
    config.container.cap_add = {"CHOWN", name};
    CHECK(ReasonOf(CheckRuntimeOptions(Docker(), config)) == "RUNTIME_OPTION_UNSUPPORTED");
  }
  config.network.enforcement = NetworkEnforcement::kAuto;
  CHECK_OK(CheckRuntimeOptions(Docker(), config));
  config.network.enforcement = NetworkEnforcement::kFirewall;
  config.container.cap_add.clear();
  config.container.oci_runtime = "runsc";
  CHECK(ReasonOf(CheckRuntimeOptions(Docker(), config)) == "RUNTIME_OPTION_UNSUPPORTED");
  config.network.policy = NetworkPolicy::kAllow;
  CHECK_OK(CheckRuntimeOptions(Docker(), config));
}

TEST_CASE("RunArgv: a network that a runtime cannot give is refused, not left open") {
  for (const RuntimeTraits& traits : AllRuntimeTraits()) {
    INFO(traits.name);
    CHECK_OK(CheckRuntimeNetwork(traits, SandboxNetwork::kOpen));
    CHECK(CheckRuntimeNetwork(traits, SandboxNetwork::kIsolated).ok() == traits.shares_kernel);
    CHECK(CheckRuntimeNetwork(traits, SandboxNetwork::kFirewalled).ok() == traits.shares_kernel);
  }
  SandboxSpec spec = ForApple(Spec());
  spec.network = SandboxNetwork::kIsolated;
  const RuntimeTraits apple = test::Must(RuntimeTraitsFor("apple-container"));
  CHECK(ReasonOf(BuildCreateCall(apple, EngineFacts{}, spec).status()) ==
        "RUNTIME_OPTION_UNSUPPORTED");
}

TEST_CASE("RunArgv: a terminal and limits appear only when asked for") {
  SandboxSpec spec = Spec();
  spec.tty = true;
  spec.container.memory = "2g";
  spec.container.cpus = "1.5";
  spec.container.pids = 100;
  const EngineCall call = test::Must(BuildCreateCall(Docker(), EngineFacts{}, spec));
  test::CheckGolden("docker_create_limits.txt", test::Render(call.argv, call.files));
}

TEST_CASE("RunArgv: podman knows its host by itself") {
  const EngineCall call =
      test::Must(BuildCreateCall(test::Must(RuntimeTraitsFor("podman")), EngineFacts{}, Spec()));
  test::CheckGolden("podman_create.txt", test::Render(call.argv, call.files));
}

namespace {

// Every option of the container section at once.
SandboxSpec FullSpec() {
  SandboxSpec spec = Spec();
  spec.tty = true;
  spec.container.memory = "2g";
  spec.container.cpus = "1.5";
  spec.container.pids = 100;
  spec.container.tmpfs_size = "1.5GiB";
  spec.container.log_size = "0";
  spec.container.devices = {{"/dev/kvm", "/dev/kvm", "rwm"}, {"/dev/a", "/dev/b", "r"}};
  spec.container.group_add = {"dialout", "46"};
  spec.container.oci_runtime = "kata";
  spec.container.cap_add = {"NET_RAW"};
  spec.container.security_opt = {"seccomp=unconfined"};
  return spec;
}

}  // namespace

TEST_CASE("RunArgv: every option has its place, in every runtime") {
  for (const RuntimeTraits& traits : AllRuntimeTraits()) {
    SandboxSpec spec = FullSpec();
    if (!traits.file_mounts) spec = ForApple(spec);
    const EngineCall call = test::Must(BuildCreateCall(traits, EngineFacts{}, spec));
    test::CheckGolden(Format("{}_create_full.txt", traits.name),
                      test::Render(call.argv, call.files));
  }
}

TEST_CASE("RunArgv: a rootless podman keeps the user's own numbers") {
  const EngineCall call = test::Must(BuildCreateCall(test::Must(RuntimeTraitsFor("podman")),
                                                     EngineFacts{.rootless = true}, Spec()));
  test::CheckGolden("podman_rootless_create.txt", test::Render(call.argv, call.files));
}

TEST_CASE("RunArgv: podman makes and starts in one run, and says which container it is") {
  const RuntimeTraits podman = test::Must(RuntimeTraitsFor("podman"));
  SandboxSpec spec = FullSpec();
  spec.container.oci_runtime = "crun";
  const StartGate::Files files{"/run/user/1000/workmux/start/wm-docs-1a2b/id",
                               "/run/user/1000/workmux/start/wm-docs-1a2b/pid"};
  const EngineCall call =
      test::Must(BuildRunCall(podman, EngineFacts{.rootless = true}, spec, files));
  test::CheckGolden("podman_rootless_run.txt", test::Render(call.argv, call.files));

  // What `create` is told is told here: only the verb and what belongs to it differ.
  const EngineCall create =
      test::Must(BuildCreateCall(podman, EngineFacts{.rootless = true}, spec));
  std::vector<std::string> rest = call.argv;
  const auto more = std::find(rest.begin(), rest.end(), "--cidfile");
  REQUIRE(rest.end() - more > 6);
  rest.erase(more, more + 6);
  std::replace(rest.begin(), rest.begin() + 3, std::string("run"), std::string("create"));
  CHECK(rest == create.argv);
  CHECK(call.env == create.env);

  // Limits that the engine ignores are not asked for; that on the user's processes holds.
  const EngineCall unlimited =
      test::Must(BuildRunCall(podman, EngineFacts{.rootless = true, .limits = false}, spec, files));
  for (const char* option : {"--memory", "--cpus", "--pids-limit"}) {
    INFO(option);
    CHECK(Mentions(call, option));
    CHECK_FALSE(Mentions(unlimited, option));
  }
  CHECK(Mentions(unlimited, "--ulimit=nproc=100:100"));

  // An engine elsewhere is not told where to write its pid.
  CHECK_FALSE(
      Mentions(test::Must(BuildRunCall(podman, EngineFacts{}, spec, {files.id, {}})), "--pidfile"));
}

TEST_CASE("RunArgv: Apple Container gets a machine large enough, and only what it knows") {
  const RuntimeTraits apple = test::Must(RuntimeTraitsFor("apple-container"));
  const GuardedFiles guarded = {.read_only = {"/home/u/app__worktrees/docs/.git"},
                                .hidden = {"/run/workmux/host-objects/0/info/alternates"}};
  const EngineCall create =
      test::Must(BuildCreateCall(apple, EngineFacts{}, ForApple(Spec()), guarded));
  test::CheckGolden("apple-container_create.txt", test::Render(create.argv, create.files));
  CHECK(BuildStartCall(apple, "wm-x").argv ==
        std::vector<std::string>{"container", "start", "--attach", "--interactive", "--", "wm-x"});
  // Its client cuts a mount at each comma, and knows no quotes.
  CHECK(ReasonOf(BuildCreateCall(apple, EngineFacts{}, Spec()).status()) == "MOUNT_PATH_INVALID");
}

TEST_CASE("RunArgv: what a runtime cannot do is refused with its key") {
  const auto refused = [](std::string_view runtime, const ContainerConfig& container) {
    SandboxConfig config;
    config.container = container;
    return MessageOf(CheckRuntimeOptions(test::Must(RuntimeTraitsFor(runtime)), config));
  };
  CHECK(refused("apple-container", {}).empty());
  CHECK_THAT(refused("apple-container", {.devices = {{"/dev/kvm", "/dev/kvm", "rwm"}}}),
             Catch::Contains("container.devices"));
  CHECK_THAT(refused("apple-container", {.group_add = {"dialout"}}),
             Catch::Contains("container.group_add"));
  CHECK_THAT(refused("apple-container", {.excluded_files = {".env"}}),
             Catch::Contains("container.excluded_files"));
  CHECK_THAT(refused("apple-container", {.cpus = "1.5"}), Catch::Contains("container.cpus"));
  CHECK_THAT(refused("apple-container", {.memory = "1.5g"}), Catch::Contains("container.memory"));
  CHECK(refused("apple-container", {.cpus = "2"}).empty());
  CHECK_THAT(refused("docker", {.group_add = {"keep-groups"}}),
             Catch::Contains("container.group_add"));
  CHECK(refused("podman", {.group_add = {"keep-groups"}}).empty());
  CHECK(refused("docker", FullSpec().container).empty());
}

TEST_CASE("RunArgv: no value of the environment stands in the arguments") {
  const EngineCall create = test::Must(BuildCreateCall(Docker(), EngineFacts{}, Spec()));
  const std::vector<std::string> command = {"bash"};
  const EngineCall exec = test::Must(BuildExecCall(Docker(), Spec(), command, true));
  CHECK_FALSE(Mentions(create, "canary"));
  CHECK_FALSE(Mentions(exec, "canary"));
  CHECK(create.files.at(0).content.find("API_KEY=canary-secret\n") != std::string::npos);
  CHECK(create.env.at("PEM") == "-----BEGIN\ncanary-lines\n");
}

TEST_CASE("RunArgv: exec enters as the sandbox's own user and never as root") {
  const std::vector<std::string> command = {"bash", "-l"};
  const EngineCall call = test::Must(BuildExecCall(Docker(), Spec(), command, true));
  test::CheckGolden("docker_exec.txt", test::Render(call.argv, call.files));
}

TEST_CASE("RunArgv: an image or name that looks like an option is refused") {
  SandboxSpec spec = Spec();
  spec.image = "--privileged";
  CHECK_CODE(BuildCreateCall(Docker(), EngineFacts{}, spec), absl::StatusCode::kInvalidArgument);
  spec = Spec();
  spec.name = "-wm";
  CHECK_CODE(BuildCreateCall(Docker(), EngineFacts{}, spec), absl::StatusCode::kInvalidArgument);
}

TEST_CASE("RunArgv: a path that the engine would read differently is refused") {
  CHECK_CODE(MountOption({"/a\r\nb", "/b", true}), absl::StatusCode::kInvalidArgument);
  CHECK(test::Must(MountOption({"/a\"b", "/b", true})) == "type=bind,\"source=/a\"\"b\",target=/b");
}

}  // namespace workmux::daemon
