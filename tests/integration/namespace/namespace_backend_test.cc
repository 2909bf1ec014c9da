#include "daemon/adapters/namespace/namespace_backend.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "common/process/posix_command_runner.h"
#include "daemon/adapters/namespace/agent_program.h"
#include "daemon/adapters/namespace/sandbox_processes.h"
#include "tests/integration/namespace/plan_process.h"
#include "tests/support/build_tree.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kOrdinary = 65534;

class NoProgress : public ProgressSink {
 public:
  void Step(std::string_view, std::string_view) override {}
  void Warn(std::string_view) override {}
  void Output(std::string_view, bool) override {}
};

// A home with a secret and a worktree in it, owned by `uid`.
struct Host {
  explicit Host(uid_t user) : uid(user), root(fs::canonical(dir.path())) {
    fs::create_directories(root / "home/.ssh");
    fs::create_directories(root / "home/src/wt");
    test::WriteFile(root / "home/.ssh/id", "canary-key");
    test::WriteFile(root / "home/src/wt/file", "content");
    test::WriteFile(root / "home/src/outside", "host");
    Own();
  }
  void Own() const {
    for (const auto& entry : fs::recursive_directory_iterator(root)) Chown(entry.path());
    Chown(root);
  }
  void Chown(const fs::path& path) const {
    if (::geteuid() == 0) REQUIRE(::lchown(path.c_str(), uid, uid) == 0);
  }
  SandboxSpec Spec(std::vector<std::string> argv) const {
    static int count = 0;
    SandboxSpec spec;
    spec.name = "wm-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    spec.session_id = "s-" + std::to_string(count);
    spec.worktree = root / "home/src/wt";
    spec.cwd = spec.worktree;
    spec.home = root / "home";
    spec.mounts = {{spec.worktree, spec.worktree, true}};
    spec.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", spec.home.string()}};
    spec.argv = std::move(argv);
    spec.uid = uid;
    spec.gid = uid == ::getuid() ? ::getgid() : uid;
    return spec;
  }
  SandboxSpec Shell(const std::string& script) const { return Spec({"sh", "-c", script}); }

  uid_t uid;
  test::TempDir dir;
  fs::path root;
};

class Backend {
 public:
  Backend() : backend(runner, {{"PATH", "/usr/local/bin:/usr/bin:/bin"}}) {}
  // Root tests stand for an ordinary user too, without making one.
  ExecPlan Plan(const SandboxSpec& spec) {
    ExecPlan plan = test::Must(backend.PlanRun(spec, CurrentEnv()));
    plan.env["PATH"] = "/usr/local/bin:/usr/bin:/bin";
    if (spec.uid != ::getuid()) {
      const std::string id = std::to_string(spec.uid);
      const std::vector<std::string> as = {"/usr/bin/setpriv", "--reuid", id, "--regid", id,
                                           "--clear-groups",   "--"};
      plan.argv.insert(plan.argv.begin(), as.begin(), as.end());
    }
    return plan;
  }
  std::pair<ExitStatus, std::string> Run(const SandboxSpec& spec, bool terminal = false) {
    test::PlanProcess process(Plan(spec), terminal);
    const ExitStatus exit = process.Wait();
    UNSCOPED_INFO(process.output());
    return {exit, process.output()};
  }

  PosixCommandRunner runner;
  NamespaceBackend backend;
};

bool Skipped(Backend& backend) {
  const absl::Status status = backend.backend.Check("", CurrentEnv());
  if (status.ok()) return false;
  std::cout << "SKIPPED: " << MessageOf(status) << "\n";
  return true;
}

std::vector<uid_t> Users() {
  if (::geteuid() == 0) return {0, kOrdinary};
  return {::getuid()};
}

// Processes of the user with `word` in their arguments.
std::size_t CountProcesses(uid_t uid, const std::string& word) {
  std::size_t count = 0;
  for (const ProcessEntry& process : test::Must(ReadProcesses(uid))) {
    for (const std::string& argument : process.argv) count += argument == word ? 1u : 0u;
  }
  return count;
}

}  // namespace

TEST_CASE("NamespaceBackend: a command's output and exit codes come through") {
  Backend backend;
  if (Skipped(backend)) return;
  for (const uid_t uid : Users()) {
    INFO(uid);
    const Host host(uid);
    const auto [exit, out] = backend.Run(host.Shell("cat file; echo; id -u; pwd; whoami"));
    CHECK(exit.ok());
    CHECK(out.starts_with("content\n" + std::to_string(uid) + "\n" +
                          (host.root / "home/src/wt").string() + "\n"));
    CHECK(backend.Run(host.Shell("exit 7")).first.code == 7);
    CHECK(backend.Run(host.Shell("kill -9 $$")).first.ShellCode() == 128 + SIGKILL);
    CHECK(backend.Run(host.Spec({"no-such-program"})).first.code == 127);
    CHECK(backend.Run(host.Spec({"./file"})).first.code == 126);
  }
}

TEST_CASE(
    "NamespaceBackend: the home's secrets are not there, and nothing outside the mounts can be "
    "written") {
  Backend backend;
  if (Skipped(backend)) return;
  for (const uid_t uid : Users()) {
    INFO(uid);
    const Host host(uid);
    const std::string attack =
        "cat ~/.ssh/id; ls -A ~; echo x > ~/src/outside; echo x > ../outside; cat "
        "/proc/1/root/home/.ssh/id;"
        "for f in /usr/wm-x /etc/wm-x /wm-x /opt/wm-x; do echo x > $f; done;"
        "mount -o remount,rw / ; echo x > /etc/passwd; echo in > written; touch ~/scratch; true";
    const auto [exit, out] = backend.Run(host.Shell(attack));
    CHECK(exit.ok());
    CHECK(out.find("canary") == std::string::npos);
    CHECK(test::ReadWholeFile(host.root / "home/src/outside") == "host");
    CHECK(test::ReadWholeFile(host.root / "home/src/wt/written") == "in\n");
    CHECK_FALSE(fs::exists(host.root / "home/scratch"));
    for (const char* file : {"/usr/wm-x", "/etc/wm-x", "/wm-x", "/opt/wm-x"})
      CHECK_FALSE(fs::exists(file));

    // The same with the home mounted, or the checks above prove nothing.
    SandboxSpec open = host.Shell("cat ~/.ssh/id; echo x > ~/src/outside");
    open.mounts = {{open.home, open.home, true}};
    CHECK(backend.Run(open).second.find("canary-key") != std::string::npos);
    CHECK(test::ReadWholeFile(host.root / "home/src/outside") == "x\n");
  }
}

TEST_CASE(
    "NamespaceBackend: capabilities, privileges, descriptors and namespaces are what they should "
    "be") {
  Backend backend;
  if (Skipped(backend)) return;
  for (const uid_t uid : Users()) {
    INFO(uid);
    const Host host(uid);
    SandboxSpec spec = host.Shell(
        "grep -E 'CapEff|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; ls /proc/self/fd | wc -l;"
        "hostname; readlink /proc/self/ns/net; env | sort | cut -d= -f1 | tr '\\n' ,");
    const std::string out = backend.Run(spec).second;
    CHECK(out.find("CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:"
                   "\t2\n4\n" +
                   spec.name) == 0);
    CHECK(out.find(fs::read_symlink("/proc/self/ns/net").string()) != std::string::npos);
    CHECK(out.find("HOME,PATH,PWD,") != std::string::npos);
  }
}

TEST_CASE("NamespaceBackend: nothing can be typed into the person's terminal") {
  Backend backend;
  if (Skipped(backend)) return;
  const char* attack =
      "use Errno; my $x = 'x'; my $l = \"\\2\"; my $r = ioctl(STDIN, 0x5412, $x); print 'sti=', $r "
      "? 'typed' : $!{EPERM} ? 'EPERM' : $!+0;"
#if defined(__x86_64__)
      "$r = syscall(16, 0, 0x100005412, $x); print ' high=', $r == 0 ? 'typed' : $!{EPERM} ? "
      "'EPERM' : $!+0;"
#endif
      "$r = ioctl(STDIN, 0x541C, $l); print ' linux=', $r ? 'done' : $!{EPERM} ? 'EPERM' : $!+0, "
      "\"\\n\";";
  for (const uid_t uid : Users()) {
    INFO(uid);
    const Host host(uid);
    const SandboxSpec spec = host.Spec({"perl", "-e", attack});
    const std::string out = backend.Run(spec, /*terminal=*/true).second;
    CHECK(out.find("sti=EPERM") != std::string::npos);
    CHECK(out.find("linux=EPERM") != std::string::npos);
    CHECK(out.find("typed") == std::string::npos);

    ExecPlan open = backend.Plan(spec);
    for (InheritedFile& file : open.files) {
      const std::string filter(
          "--seccomp\0"
          "5\0",
          12);
      if (const auto at = file.content.find(filter); at != std::string::npos)
        file.content.erase(at, filter.size());
    }
    test::PlanProcess control(open, true);
    control.Wait();
    INFO(control.output());
    // The kernel may refuse it by itself (dev.tty.legacy_tiocsti), but then with EIO.
    const bool reached = control.output().find("sti=typed") != std::string::npos ||
                         control.output().find("sti=5") != std::string::npos;
    CHECK(reached);
  }
}

TEST_CASE("NamespaceBackend: kernel interfaces without use for an agent are refused") {
  Backend backend;
  if (Skipped(backend)) return;
#if defined(__x86_64__)
  const Host host(Users().back());
  const std::string out =
      backend
          .Run(host.Spec(
              {"perl", "-e",
               "for (425, 321, 250, 298, 323, 1+0x40000000) { $! = 0; syscall($_, 0, 0, 0, 0, 0);"
               " print \"$_=\", $!+0, \" \" } print syscall(39) > 0 ? 'alive' : 'dead';"}))
          .second;
  CHECK(out == "425=38 321=1 250=1 298=1 323=38 1073741825=38 alive");
#endif
}

TEST_CASE("NamespaceBackend: a fork bomb of an ordinary user ends at its own limit") {
  Backend backend;
  if (Skipped(backend)) return;
  // The last one is no root, which has no such limit.
  const Host host(Users().back());
  const std::string bomb =
      "i=0; while [ $i -lt 60 ]; do sleep 30 & i=$((i+1)); done; echo survived; kill $(jobs -p)";
  SandboxSpec spec = host.Shell(bomb);
  spec.container.pids = 20;
  CHECK(backend.Run(spec).second.find("survived") == std::string::npos);
  // Another sandbox of the same user beside a full one is not affected.
  SandboxSpec full =
      host.Shell("i=0; while [ $i -lt 12 ]; do sleep 30 & i=$((i+1)); done; echo ready; wait");
  full.container.pids = 20;
  test::PlanProcess neighbour(backend.Plan(full), false);
  REQUIRE(neighbour.ReadUntil("ready"));
  SandboxSpec control = host.Shell(bomb);
  control.container.pids = 100;
  CHECK(backend.Run(control).second.find("survived") != std::string::npos);
}

TEST_CASE("NamespaceBackend: killing the client leaves nothing behind") {
  Backend backend;
  if (Skipped(backend)) return;
  for (const uid_t uid : Users()) {
    INFO(uid);
    const Host host(uid);
    const SandboxSpec spec =
        host.Shell("setsid sh -c 'sleep 98765 & sleep 98765' & echo started; sleep 98765");
    {
      // A client between the test and bwrap, as in life.
      ExecPlan plan = backend.Plan(spec);
      plan.argv.insert(plan.argv.begin(), {"/bin/sh", "-c", "\"$@\"; exit $?", "sh"});
      test::PlanProcess client(plan, false);
      REQUIRE(client.ReadUntil("started"));
      CHECK(test::WaitUntil([&] { return CountProcesses(uid, "98765") >= 3; }));
      ::kill(client.pid(), SIGKILL);
    }
    CHECK(test::WaitUntil([&] { return CountProcesses(uid, "98765") == 0; }));
    CHECK(test::WaitUntil([&] { return CountProcesses(uid, spec.name) == 0; }));
  }
}

#if defined(__x86_64__)
TEST_CASE(
    "NamespaceBackend: a program that takes over its first process still ends with the client") {
  Backend backend;
  if (Skipped(backend)) return;
  for (const uid_t uid : Users()) {
    INFO(uid);
    const Host host(uid);
    const auto survives = [&](bool one_layer) {
      const std::string word = one_layer ? "98761" : "98762";
      SandboxSpec spec = host.Shell("/run/take_over_init && exec sleep " + word);
      spec.mounts.push_back(
          {test::BinaryDir() / "tests/take_over_init", "/run/take_over_init", false});
      ExecPlan plan = backend.Plan(spec);
      // Without the outer layer: its arguments up to and with their "--".
      const auto outer = std::find(plan.argv.begin(), plan.argv.end(), "/usr/bin/bwrap");
      if (one_layer) plan.argv.erase(outer, outer + 9);
      plan.argv.insert(plan.argv.begin(), {"/bin/sh", "-c", "\"$@\"; exit $?", "sh"});
      test::PlanProcess client(plan, false);
      const bool taken = client.ReadUntil("taken");
      INFO(client.output());
      CHECK(taken);
      REQUIRE(test::WaitUntil([&] { return CountProcesses(uid, word) > 0; }));
      ::kill(client.pid(), SIGKILL);
      const bool gone = test::WaitUntil([&] { return CountProcesses(uid, word) == 0; },
                                        std::chrono::milliseconds(1500));
      for (const ProcessEntry& process : test::Must(ReadProcesses(uid))) {
        if (!process.argv.empty() && process.argv.size() > 1 && process.argv[1] == word) {
          CHECK_OK(SignalProcess(process, SIGKILL));
        }
      }
      return !gone;
    };
    CHECK_FALSE(survives(/*one_layer=*/false));
    const bool yama = fs::exists("/proc/sys/kernel/yama/ptrace_scope");
    if (!yama) CHECK(survives(/*one_layer=*/true));
  }
}
#endif

TEST_CASE("NamespaceBackend: List finds a running sandbox, Stop gives it time and ends all of it") {
  Backend backend;
  if (Skipped(backend)) return;
  const Host host(::getuid());
  SandboxSpec spec = host.Shell(
      "trap 'echo bye > said; exit 3' TERM; setsid sleep 98764 & echo started; while :; do sleep "
      "0.05; done");
  NoProgress progress;
  REQUIRE_OK(backend.backend.Prepare(spec, progress, {}));
  test::PlanProcess client(backend.Plan(spec), false);
  REQUIRE(client.ReadUntil("started"));
  bool listed = false;
  for (const SandboxInfo& info : test::Must(backend.backend.List())) {
    listed =
        listed || (info.name == spec.name && info.session_id == spec.session_id && info.running);
  }
  CHECK(listed);
  CHECK_OK(backend.backend.Stop(spec.name, std::chrono::seconds(5)));
  CHECK(client.Wait().code == 3);
  CHECK(test::ReadWholeFile(host.root / "home/src/wt/said") == "bye\n");
  CHECK(CountProcesses(::getuid(), "98764") == 0);
  CHECK_OK(backend.backend.Release(spec.name));
}

TEST_CASE("NamespaceBackend: a sandbox that ignores SIGTERM is killed after its grace") {
  Backend backend;
  if (Skipped(backend)) return;
  for (const uid_t uid : Users()) {
    INFO(uid);
    const Host host(uid);
    const SandboxSpec spec =
        host.Shell("trap '' TERM; setsid sleep 98763 & echo started; while :; do sleep 0.05; done");
    test::PlanProcess client(backend.Plan(spec), false);
    REQUIRE(client.ReadUntil("started"));
    CHECK_OK(StopSandbox(spec.name, uid, std::chrono::milliseconds(200)));
    CHECK(CountProcesses(uid, "98763") == 0);
    CHECK(CountProcesses(uid, spec.name) == 0);
    CHECK(client.Wait().ShellCode() != 0);
  }
}

TEST_CASE("NamespaceBackend: an agent installed below the home runs and cannot be changed") {
  Backend backend;
  if (Skipped(backend)) return;
  for (const uid_t uid : Users()) {
    INFO(uid);
    const Host host(uid);
    const fs::path home = host.root / "home";
    fs::create_directories(home / ".local/bin");
    fs::create_directories(home / ".agent/local/node_modules");
    test::WriteFile(home / ".agent/local/agent",
                    "#!/bin/sh\necho agent-runs\necho x >> \"$0\"\necho y > ~/.agent/settings\n");
    ::chmod((home / ".agent/local/agent").c_str(), 0755);
    fs::create_symlink("../../.agent/local/agent", home / ".local/bin/agent");
    host.Own();
    const std::string before = test::ReadWholeFile(home / ".agent/local/agent");
    const AgentInstallation found = test::Must(FindAgentInstallation(
        "agent", {{"HOME", home.string()}, {"PATH", (home / ".local/bin").string()}}));
    SandboxSpec spec = host.Spec({"agent"});
    spec.mounts.push_back({home / ".agent", home / ".agent", true});
    spec.env["PATH"] = (home / ".local/bin").string() + ":/usr/bin:/bin";
    spec.programs = found.paths;
    CHECK(backend.Run(spec).second.find("agent-runs") != std::string::npos);
    CHECK(test::ReadWholeFile(home / ".agent/local/agent") == before);
    CHECK(test::ReadWholeFile(home / ".agent/settings") == "y\n");

    // Without the read-only view the agent would have changed its own program.
    spec.programs = {home / ".local/bin/agent"};
    CHECK(backend.Run(spec).second.find("agent-runs") != std::string::npos);
    CHECK(test::ReadWholeFile(home / ".agent/local/agent") != before);
  }
}

TEST_CASE("NamespaceBackend: what is missing is said before anything runs") {
  PosixCommandRunner runner;
  NamespaceBackend missing(runner, {{"PATH", "/nonexistent"}});
  const absl::Status status = missing.Check("", {});
  CHECK(ReasonOf(status) == "RUNTIME_NOT_INSTALLED");
  CHECK(HintOf(status).find("apt install bubblewrap") != std::string::npos);

  Backend backend;
  const Host host(::getuid());
  const SandboxSpec spec = host.Shell("true");
  CHECK(ReasonOf(backend.backend.PlanAttach(spec, {}, false, {}).status()) ==
        "ATTACH_NOT_SUPPORTED");
}

}  // namespace workmux::daemon
