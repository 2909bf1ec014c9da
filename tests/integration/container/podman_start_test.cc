// How sandboxes come to life and to an end where one client makes and starts them.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "common/base/strings.h"
#include "common/io/file.h"
#include "common/process/posix_command_runner.h"
#include "daemon/adapters/container/container_backend.h"
#include "tests/fakes/fake_progress.h"
#include "tests/integration/namespace/plan_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"
#include "tests/support/workmux_world.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using Catch::Contains;
using std::chrono::steady_clock;

class CountingRunner : public PosixCommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const Command& command, const RunOptions& options) override {
    ++runs;
    return PosixCommandRunner::Run(command, options);
  }
  std::atomic<int> runs = 0;
};

Env Environment() {
  Env env = test::PodmanEnv();
  env.merge(CurrentEnv());
  return env;
}

// One sandbox of Podman's, gone at the end of the test.
struct Sandbox {
  explicit Sandbox(const std::string& script)
      : backend(runner, test::Must(RuntimeTraitsFor("podman")), Environment(), "test",
                dir / "start"),
        root(fs::canonical(dir.path())) {
    static int count = 0;
    spec.name = "wm-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    spec.session_id = "session-" + std::to_string(count);
    spec.instance = "test";
    spec.worktree = root / "work";
    fs::create_directories(spec.worktree);
    spec.cwd = spec.worktree;
    spec.home = "/tmp";
    spec.mounts = {{spec.worktree, spec.worktree, true}};
    spec.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"KEY", "value"}};
    spec.argv = {"sh", "-c", script};
    spec.agent = "test";
    spec.image = test::TestImage();
    spec.uid = ::getuid();
    spec.gid = ::getgid();
  }
  ~Sandbox() { backend.Release(spec.name).IgnoreError(); }

  ExecPlan Plan() {
    REQUIRE_OK(backend.Prepare(spec, progress, {}));
    return test::Must(backend.PlanRun(spec, CurrentEnv()));
  }
  SandboxExit Run() {
    test::PlanProcess client(Plan(), spec.tty);
    const ExitStatus seen = client.Wait();
    said = client.output();
    return test::Must(backend.ConfirmExit(spec.name, seen));
  }
  bool Exists() {
    const auto all = test::Must(backend.List());
    return std::any_of(all.begin(), all.end(),
                       [&](const SandboxInfo& info) { return info.name == spec.name; });
  }
  fs::path Gate() const { return dir / "start" / spec.name; }
  bool WroteMark() const { return fs::exists(spec.worktree / "mark"); }

  test::TempDir dir;
  CountingRunner runner;
  ContainerBackend backend;
  fs::path root;
  SandboxSpec spec;
  test::FakeProgress progress;
  std::string said;
};

// Counts for ever in the worktree, in two processes.
constexpr char kCounting[] =
    "count() { i=0; while :; do i=$((i+1)); echo $i >$1; done; }; "
    "count a & echo started; count b";

// Whether the processes of kCounting go on.
bool Counts(const Sandbox& sandbox) {
  const auto read = [&] {
    return test::ReadWholeFile(sandbox.spec.worktree / "a") + "," +
           test::ReadWholeFile(sandbox.spec.worktree / "b");
  };
  const std::string before = read();
  return test::WaitUntil([&] { return read() != before; }, std::chrono::milliseconds(500));
}

}  // namespace

TEST_CASE("Podman start: one client makes and starts, and the daemon starts none") {
  if (!test::CanUse("podman")) return;
  Sandbox sandbox("echo \"$KEY\"; id -u; exit 7");
  // Engine and image are known from here on.
  REQUIRE_OK(sandbox.backend.Provenance(sandbox.spec.image));
  sandbox.runner.runs = 0;
  const ExecPlan plan = sandbox.Plan();
  CHECK(sandbox.runner.runs == 0);
  CHECK_FALSE(sandbox.Exists());
  test::PlanProcess client(plan, false);
  const SandboxExit exit =
      test::Must(sandbox.backend.ConfirmExit(sandbox.spec.name, client.Wait()));
  CHECK(exit.code == 7);
  CHECK(exit.start_failure.empty());
  CHECK(client.output() == "value\n" + std::to_string(::getuid()) + "\n");
  CHECK(sandbox.Exists());
  CHECK_OK(sandbox.backend.Release(sandbox.spec.name));
  CHECK_FALSE(sandbox.Exists());
  CHECK_FALSE(fs::exists(sandbox.Gate()));
}

TEST_CASE("Podman start: an image that is not there is told before the terminal is touched") {
  if (!test::CanUse("podman")) return;
  Sandbox sandbox("true");
  sandbox.spec.image = "wm-no-such-image:x";
  const absl::Status missing = sandbox.backend.Prepare(sandbox.spec, sandbox.progress, {});
  CHECK(ReasonOf(missing) == "IMAGE_NOT_FOUND");
  CHECK_THAT(MessageOf(missing), Contains("cannot create the sandbox"));
  CHECK_THAT(HintOf(missing), Contains("`workmux sandbox pull`"));
}

TEST_CASE("Podman start: what the engine refuses is told with its key, reason and hint") {
  if (!test::CanUse("podman")) return;
  Sandbox option("true");
  option.spec.container.cap_add = {"WM_NONE"};
  const SandboxExit refused = option.Run();
  CHECK(refused.code == 125);
  CHECK_THAT(refused.start_failure,
             Contains("cannot create the sandbox: sandbox.container.cap_add: "));
  CHECK(refused.reason == "OPTION_REFUSED");
  CHECK_THAT(refused.hint, Contains("Correct this key"));
  CHECK_FALSE(option.Exists());

  Sandbox source("true");
  source.spec.mounts.push_back({source.root / "gone", "/gone", false});
  const SandboxExit gone = source.Run();
  CHECK(gone.code == 125);
  CHECK_FALSE(gone.start_failure.empty());

  // The image went after it was found.
  Sandbox image("true");
  const ExecPlan plan = image.Plan();
  ExecPlan other = plan;
  std::replace(other.argv.begin(), other.argv.end(), image.spec.image,
               std::string("wm-no-such-image:x"));
  test::PlanProcess client(other, false);
  const ExitStatus seen = client.Wait();
  CHECK(seen.code == 125);
  // The engine is asked again, and has nothing against what it was meant to be.
  const SandboxExit unclear = test::Must(image.backend.ConfirmExit(image.spec.name, seen));
  CHECK(unclear.code == 125);
  CHECK(unclear.start_failure == "the container was not started");
  CHECK_FALSE(image.Exists());
}

TEST_CASE("Podman start: a command's own 125 is told from a container that did not start") {
  if (!test::CanUse("podman")) return;
  Sandbox own("exit 125");
  CHECK(own.Run().start_failure.empty());
  // Made, and not started: there is no such directory.
  Sandbox made("true");
  made.spec.cwd = "/wm-none";
  const SandboxExit exit = made.Run();
  CHECK(exit.code == 125);
  CHECK(exit.start_failure == "the container was not started");
  CHECK(made.Exists());
  // Another daemon's client went away before it had made anything.
  Sandbox ended("true");
  ended.Plan();
  const SandboxExit killed = test::Must(ended.backend.ConfirmExit(ended.spec.name, {0, SIGTERM}));
  CHECK(killed.code == 125);
  CHECK_FALSE(killed.start_failure.empty());
}

TEST_CASE("Podman start: a client that comes after the end makes nothing that runs") {
  if (!test::CanUse("podman")) return;
  for (const bool halted : {false, true}) {
    Sandbox sandbox("echo ran; : > mark");
    const ExecPlan plan = sandbox.Plan();
    CHECK_OK(halted ? sandbox.backend.Halt(sandbox.spec.name)
                    : sandbox.backend.Release(sandbox.spec.name));
    test::PlanProcess late(plan, false);
    CHECK_FALSE(late.Wait().ok());
    INFO(late.output());
    CHECK_FALSE(sandbox.WroteMark());
  }
  // The same client in time.
  Sandbox control("echo ran; : > mark");
  CHECK(control.Run().code == 0);
  CHECK(control.WroteMark());
}

TEST_CASE("Podman start: an end while the client is under way leaves nothing running") {
  if (!test::CanUse("podman")) return;
  for (int delay = 0; delay < 400; delay += 40) {
    INFO(delay);
    Sandbox sandbox(kCounting);
    test::PlanProcess client(sandbox.Plan(), false);
    // The moments of a start, one after another: what is tested is a race.
    const auto until = steady_clock::now() + std::chrono::milliseconds(delay);
    test::WaitUntil([&] { return steady_clock::now() >= until; });
    CHECK_OK(sandbox.backend.Release(sandbox.spec.name));
    CHECK_FALSE(client.Wait().ok());
    if (fs::exists(sandbox.spec.worktree / "b")) CHECK_FALSE(Counts(sandbox));
    for (const SandboxInfo& info : test::Must(sandbox.backend.List()))
      CHECK_FALSE((info.name == sandbox.spec.name && info.running));
  }
}

TEST_CASE("Podman start: a halt ends every process at once, without a client") {
  if (!test::CanUse("podman")) return;
  Sandbox other(kCounting);
  test::PlanProcess other_client(other.Plan(), false);
  REQUIRE(other_client.ReadUntil("started"));
  for (int i = 0; i < 5; ++i) {
    Sandbox sandbox(kCounting);
    test::PlanProcess client(sandbox.Plan(), false);
    REQUIRE(client.ReadUntil("started"));
    REQUIRE(Counts(sandbox));
    sandbox.runner.runs = 0;
    const auto start = steady_clock::now();
    CHECK_OK(sandbox.backend.Halt(sandbox.spec.name));
    const std::chrono::duration<double, std::milli> took = steady_clock::now() - start;
    std::cout << "halted after " << took.count() << " ms\n";
    CHECK(took < std::chrono::milliseconds(100));
    CHECK(sandbox.runner.runs == 0);
    CHECK_FALSE(Counts(sandbox));
    CHECK(client.Wait().ShellCode() == 137);
    CHECK_OK(sandbox.backend.Halt(sandbox.spec.name));
    CHECK_OK(sandbox.backend.Release(sandbox.spec.name));
  }
  CHECK(Counts(other));
}

TEST_CASE("Podman start: a halt with another's pid ends the container, and not the other") {
  if (!test::CanUse("podman")) return;
  Sandbox other(kCounting);
  test::PlanProcess other_client(other.Plan(), false);
  REQUIRE(other_client.ReadUntil("started"));
  Sandbox sandbox(kCounting);
  test::PlanProcess client(sandbox.Plan(), false);
  REQUIRE(client.ReadUntil("started"));
  // As when the pid was given anew: the first process of another container.
  test::WriteFile(sandbox.Gate() / "pid", test::ReadWholeFile(other.Gate() / "pid"));
  CHECK_OK(sandbox.backend.Halt(sandbox.spec.name));
  CHECK_FALSE(Counts(sandbox));
  CHECK(Counts(other));
}

}  // namespace workmux::daemon
