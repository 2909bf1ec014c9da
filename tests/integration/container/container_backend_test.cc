#include "daemon/adapters/container/container_backend.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

#include "common/process/posix_command_runner.h"
#include "tests/integration/namespace/plan_process.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kUser = 65534;

std::string Image() {
  const char* image = std::getenv("WORKMUX_TEST_IMAGE");
  return image != nullptr ? image : "workmux-test:base";
}

class NoProgress : public ProgressSink {
 public:
  void Step(std::string_view, std::string_view) override {}
  void Warn(std::string_view) override {}
  void Output(std::string_view, bool) override {}
};

// Counts the engine's clients.
class CountingRunner : public PosixCommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const Command& command, const RunOptions& options) override {
    ++runs;
    return PosixCommandRunner::Run(command, options);
  }
  std::atomic<int> runs = 0;
};

// One container, gone at the end of the test.
struct Container {
  explicit Container(std::vector<std::string> argv)
      : backend(runner, test::Must(RuntimeTraitsFor("docker")), CurrentEnv(), "test",
                "/nonexistent"),
        root(fs::canonical(dir.path())) {
    static int count = 0;
    spec.name = "wm-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
    spec.session_id = "session-" + std::to_string(count);
    spec.instance = "test";
    spec.worktree = root / "work,tree \"q\"=x";
    fs::create_directories(spec.worktree);
    ::chmod(root.c_str(), 0755);
    ::chmod(spec.worktree.c_str(), 0777);
    test::WriteFile(spec.worktree / "file", "content\n");
    spec.cwd = spec.worktree;
    spec.home = "/tmp";
    spec.mounts = {{spec.worktree, spec.worktree, true}};
    spec.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"HOME", "/tmp"}};
    spec.argv = std::move(argv);
    spec.agent = "test";
    spec.image = Image();
    spec.uid = ::geteuid() == 0 ? kUser : ::getuid();
    spec.gid = ::geteuid() == 0 ? kUser : ::getgid();
  }
  ~Container() { backend.Release(spec.name).IgnoreError(); }

  ExecPlan Prepare() {
    NoProgress progress;
    REQUIRE_OK(backend.Prepare(spec, progress, {}));
    return test::Must(backend.PlanRun(spec, CurrentEnv()));
  }
  std::pair<SandboxExit, std::string> Run() {
    test::PlanProcess client(Prepare(), spec.tty);
    const ExitStatus seen = client.Wait();
    const SandboxExit exit = test::Must(backend.ConfirmExit(spec.name, seen));
    UNSCOPED_INFO(client.output());
    return {exit, client.output()};
  }

  CountingRunner runner;
  ContainerBackend backend;
  test::TempDir dir;
  fs::path root;
  SandboxSpec spec;
};

std::vector<std::string> Shell(std::string script) { return {"sh", "-c", std::move(script)}; }

bool Skipped() {
  PosixCommandRunner runner;
  ContainerBackend backend(runner, test::Must(RuntimeTraitsFor("docker")), CurrentEnv(), "test",
                           "/nonexistent");
  const absl::Status status = backend.Check(Image(), CurrentEnv());
  if (status.ok()) return false;
  std::cout << "SKIPPED: " << MessageOf(status) << "\n";
  return true;
}

// Watches every process's arguments until destroyed.
class ArgumentWatch {
 public:
  explicit ArgumentWatch(std::string canary)
      : canary_(std::move(canary)), thread_([this](std::stop_token stop) {
          while (!stop.stop_requested()) Look();
        }) {}
  bool seen() const { return seen_; }
  long looks() const { return looks_; }

 private:
  void Look() {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
      std::ifstream file(entry.path() / "cmdline");
      std::stringstream text;
      text << file.rdbuf();
      if (text.str().find(canary_) != std::string::npos) seen_ = true;
    }
    ++looks_;
  }
  std::string canary_;
  std::atomic<bool> seen_ = false;
  std::atomic<long> looks_ = 0;
  std::jthread thread_;
};

}  // namespace

TEST_CASE("ContainerBackend: a command runs as the user, in mounts with commas and quotes") {
  if (Skipped()) return;
  Container container(
      // The engine hands over two streams, in no order: only one is written to.
      Shell("id -u; pwd; cat file; echo in > written; cat \"/mnt/r,\\\"o\"/x; "
            "(echo x > \"/mnt/r,\\\"o\"/x) 2>/dev/null; exit 7"));
  fs::create_directories(container.root / "a,b=c");
  test::WriteFile(container.root / "a,b=c/x", "readable\n");
  ::chmod((container.root / "a,b=c/x").c_str(), 0666);
  container.spec.mounts.push_back({container.root / "a,b=c", "/mnt/r,\"o", false});
  const auto [exit, out] = container.Run();
  CHECK(exit.code == 7);
  CHECK(exit.start_failure.empty());
  CHECK(out.find(std::to_string(container.spec.uid) + "\n" + container.spec.worktree.string() +
                 "\ncontent\nreadable\n") == 0);
  CHECK(test::ReadWholeFile(container.spec.worktree / "written") == "in\n");
  CHECK(test::ReadWholeFile(container.root / "a,b=c/x") == "readable\n");
}

TEST_CASE("ContainerBackend: two engine clients start a sandbox") {
  if (Skipped()) return;
  Container container(Shell("true"));
  container.Prepare();
  CHECK(container.runner.runs == 1);  // the other is the plan itself
}

TEST_CASE("ContainerBackend: the environment arrives whole and no value stands in any argument") {
  if (Skipped()) return;
  const std::string canary = "canary" + std::to_string(::getpid());
  Container container(Shell("printf '%s|' \"$KEY\" \"$PEM\" \"$ODD\" \"$EMPTY\"; sleep 0.3"));
  container.spec.env["KEY"] = canary + "-key";
  container.spec.env["PEM"] = canary + "-begin\nline two\n";
  container.spec.env["ODD"] = " # \"x\" $HOME ='é' ";
  container.spec.env["EMPTY"] = "";
  const ArgumentWatch watch(canary);
  const auto [exit, out] = container.Run();
  CHECK(out == canary + "-key|" + canary + "-begin\nline two\n| # \"x\" $HOME ='é' ||");
  CHECK(watch.looks() > 2);
  CHECK_FALSE(watch.seen());

  // The watch sees a value that does stand there.
  Container open(Shell("sleep 0.3 #" + canary));
  open.Run();
  CHECK(watch.seen());
}

TEST_CASE("ContainerBackend: no capability, no new privileges, a limit on processes, an init") {
  if (Skipped()) return;
  Container container(Shell(
      "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; cat /proc/1/comm;"
      "exec 2>/dev/null; i=0; while [ $i -lt 60 ]; do sleep 5 & i=$((i+1)); done; echo survived"));
  container.spec.container.pids = 30;
  const std::string out = container.Run().second;
  CHECK(out.find("CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n") == 0);
  CHECK(out.find("init") != std::string::npos);
  CHECK(out.find("survived") == std::string::npos);

  Container control(
      Shell("i=0; while [ $i -lt 60 ]; do sleep 1 & i=$((i+1)); done; echo survived"));
  CHECK(control.Run().second.find("survived") != std::string::npos);
}

TEST_CASE("ContainerBackend: a start that fails is told from a command that fails") {
  if (Skipped()) return;
  Container missing({"no-such-program"});
  CHECK(missing.Run().first.code == 127);
  Container plain({"/etc/passwd"});
  CHECK(plain.Run().first.code == 126);
  Container signal(Shell("kill -9 $$"));
  CHECK(signal.Run().first.code == 137);

  // The mount's source goes away between create and start.
  Container broken(Shell("true"));
  fs::create_directories(broken.root / "gone");
  broken.spec.mounts.push_back({broken.root / "gone", "/gone", false});
  const ExecPlan plan = broken.Prepare();
  fs::remove(broken.root / "gone");
  test::PlanProcess client(plan, false);
  const ExitStatus seen = client.Wait();
  const SandboxExit exit = test::Must(broken.backend.ConfirmExit(broken.spec.name, seen));
  INFO(client.output());
  CHECK(exit.code == 125);
  CHECK_FALSE(exit.start_failure.empty());
}

TEST_CASE(
    "ContainerBackend: a killed client leaves the container until Release, and List finds it") {
  if (Skipped()) return;
  Container container(Shell("echo started; sleep 300"));
  container.spec.uid = ::getuid();  // the label by which List looks
  container.spec.gid = ::getgid();
  {
    test::PlanProcess client(container.Prepare(), false);
    REQUIRE(client.ReadUntil("started"));
    ::kill(client.pid(), SIGKILL);
  }
  const auto find = [&]() -> std::optional<SandboxInfo> {
    for (const SandboxInfo& info : test::Must(container.backend.List())) {
      if (info.name == container.spec.name) return info;
    }
    return std::nullopt;
  };
  // The program can be faster than the engine's own note that it runs.
  std::optional<SandboxInfo> found;
  CHECK(test::WaitUntil([&] {
    found = find();
    return found.has_value() && found->running;
  }));
  REQUIRE(found.has_value());
  CHECK(found->session_id == container.spec.session_id);

  const std::vector<std::string> command = Shell("id -u; pwd; printf %s \"$KEY\"");
  container.spec.env["KEY"] = "attached\nvalue";
  test::PlanProcess attached(
      test::Must(container.backend.PlanAttach(container.spec, command, false, CurrentEnv())),
      false);
  CHECK(attached.Wait().ok());
  CHECK(attached.output() == std::to_string(container.spec.uid) + "\n" +
                                 container.spec.cwd.string() + "\nattached\nvalue");

  CHECK_OK(container.backend.Stop(container.spec.name, std::chrono::seconds(1)));
  CHECK_FALSE(find()->running);
  CHECK_OK(container.backend.Release(container.spec.name));
  CHECK_FALSE(find().has_value());
  CHECK_OK(container.backend.Release(container.spec.name));
  CHECK_OK(container.backend.Stop(container.spec.name, std::chrono::seconds(0)));
}

TEST_CASE(
    "ContainerBackend: a terminal is the container's own, and the usual detach keys do not "
    "detach") {
  if (Skipped()) return;
  Container container(Shell("test -t 0 && echo terminal; read line; echo \"got $line\"; exit 5"));
  container.spec.tty = true;
  test::PlanProcess client(container.Prepare(), true);
  REQUIRE(client.ReadUntil("terminal"));
  REQUIRE(::write(client.terminal(), "\x10\x11x\n", 4) == 4);
  REQUIRE(client.ReadUntil("got"));
  CHECK(client.Wait().code == 5);
}

TEST_CASE("ContainerBackend: three different things that can be missing are told apart") {
  PosixCommandRunner runner;
  const RuntimeTraits docker = test::Must(RuntimeTraitsFor("docker"));
  ContainerBackend uninstalled(runner, docker, {{"PATH", "/nonexistent"}}, "test", "/nonexistent");
  CHECK(ReasonOf(uninstalled.Check(Image(), {})) == "RUNTIME_NOT_INSTALLED");
  if (Skipped()) return;
  Env env = CurrentEnv();
  ContainerBackend backend(runner, docker, env, "test", "/nonexistent");
  const absl::Status absent = backend.Check("no-such-image:x", env);
  CHECK(ReasonOf(absent) == "IMAGE_NOT_FOUND");
  CHECK(HintOf(absent).find("`workmux sandbox pull`") != std::string::npos);
  // Without an image only the engine is asked about.
  CHECK_OK(backend.Check("", env));
  CHECK_OK(backend.Check(Image(), env));
  env["DOCKER_HOST"] = "unix:///nonexistent.sock";
  CHECK(ReasonOf(backend.Check(Image(), env)) == "ENGINE_DIFFERS");
  ContainerBackend silent(runner, docker, env, "test", "/nonexistent");
  const absl::Status unreachable = silent.Check(Image(), env);
  CHECK(ReasonOf(unreachable) == "RUNTIME_UNREACHABLE");
  CHECK_FALSE(HintOf(unreachable).empty());

  Container container(Shell("true"));
  container.spec.image = "no-such-image:x";
  NoProgress progress;
  CHECK(ReasonOf(container.backend.Prepare(container.spec, progress, {})) == "IMAGE_NOT_FOUND");
  container.spec.image = Image();
  container.spec.mounts.push_back({"/nonexistent-dir", "/x", false});
  CHECK(ReasonOf(container.backend.Prepare(container.spec, progress, {})) ==
        "MOUNT_SOURCE_MISSING");
}

TEST_CASE("ContainerBackend: the bridge listens where containers reach it, asked once") {
  if (Skipped()) return;
  Container container(Shell("true"));
  const auto bridge = test::Must(container.backend.Bridge(CurrentEnv()));
  CHECK(bridge.host == "host.docker.internal");
  CHECK_OK(container.backend.Bridge(CurrentEnv()));
  CHECK(container.runner.runs == 1);
  Container asks(Shell("getent hosts host.docker.internal"));
  CHECK(asks.Run().second.find(bridge.listen + " ") == 0);
}

TEST_CASE("ContainerBackend: two hundred orphans go in one pass of a few clients") {
  if (Skipped()) return;
  constexpr int kOrphans = 200;
  CountingRunner runner;
  const std::string instance = "orphans-" + std::to_string(::getpid());
  ContainerBackend backend(runner, test::Must(RuntimeTraitsFor("docker")), CurrentEnv(), instance,
                           "/nonexistent");
  Command make;
  make.argv = {"sh",
               "-c",
               "seq $1 | xargs -P 4 -I{} docker create --name $2-{} --label "
               "dev.workmux.instance=$2 --label dev.workmux.session=gone $3 true",
               "sh",
               std::to_string(kOrphans),
               instance,
               Image()};
  make.env = CurrentEnv();
  make.cwd = "/";
  RunOptions patient;
  patient.timeout = std::chrono::minutes(4);
  REQUIRE(test::Must(PosixCommandRunner().Run(make, patient)).exit.ok());

  std::vector<std::string> names;
  for (const SandboxInfo& info : test::Must(backend.List())) names.push_back(info.name);
  REQUIRE(names.size() == kOrphans);
  names.push_back("wm-not-there-" + instance);
  runner.runs = 0;
  const auto start = std::chrono::steady_clock::now();
  CHECK_OK(backend.ReleaseAll(names));
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - start);
  std::cout << kOrphans << " orphans removed in " << took.count() << " ms by " << runner.runs
            << " clients\n";
  // Four batches; the last has one that is not there.
  CHECK(runner.runs <= 6);
  CHECK(took < std::chrono::minutes(1));
  CHECK(test::Must(backend.List()).empty());
}

}  // namespace workmux::daemon
