#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "daemon/adapters/store/sqlite_store.h"
#include "daemon/async/thread_pool.h"
#include "daemon/domain/session_manager.h"
#include "tests/fakes/fake_git.h"
#include "tests/fakes/fake_progress.h"
#include "tests/fakes/fake_sandbox.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

class NoTmux : public Multiplexers {
 public:
  absl::StatusOr<std::shared_ptr<Multiplexer>> Get(const std::string&) override {
    return Unavailable("no tmux");
  }
};

class CountingBoundary : public GitBoundary {
 public:
  explicit CountingBoundary(std::filesystem::path dir) : dir_(std::move(dir)) {}
  absl::Status Check() override { return absl::OkStatus(); }
  absl::StatusOr<std::vector<Mount>> Prepare(const Worktree& worktree, const Env&,
                                             std::stop_token) override {
    return std::vector<Mount>{{dir_, worktree.repository.common_dir, true}};
  }
  absl::Status Watch(const Worktree&) override {
    ++watches;
    return absl::OkStatus();
  }
  void Unwatch(const Worktree&) override { --watches; }
  absl::Status Import(const Worktree&, std::stop_token) override { return absl::OkStatus(); }
  absl::Status Discard(const Worktree&) override { return absl::OkStatus(); }

  std::atomic<int> watches{0};

 private:
  const std::filesystem::path dir_;
};

class QuietBridge : public BridgeListeners {
 public:
  absl::StatusOr<std::uint16_t> Open(const std::string&, const Secret&, const Endpoints&) override {
    return 4242;
  }
  void Close(const std::string&) override {}
};

// Remembers which sandboxes exist; a test looks in at the moments that matter.
class ScriptedBackend : public SandboxBackend {
 public:
  explicit ScriptedBackend(std::string name) : name_(std::move(name)) {}
  std::string_view name() const override { return name_; }
  absl::Status Check(std::string_view, const Env&) override { return absl::OkStatus(); }
  absl::Status CheckOptions(const SandboxConfig&) override { return absl::OkStatus(); }
  absl::Status CheckNetwork(SandboxNetwork) override { return absl::OkStatus(); }
  absl::StatusOr<BridgeAddress> Bridge(const Env&) override {
    return BridgeAddress{.listen = "127.0.0.1", .host = "127.0.0.1"};
  }
  absl::Status Prepare(const SandboxSpec& spec, ProgressSink&, std::stop_token) override {
    if (on_prepare) on_prepare();
    MutexLock lock(mu_);
    existing_.insert(spec.name);
    mounts_ = spec.mounts;
    return absl::OkStatus();
  }
  absl::StatusOr<ExecPlan> PlanRun(const SandboxSpec&, const Env&) override { return ExecPlan{}; }
  absl::StatusOr<ExecPlan> PlanAttach(const SandboxSpec&, std::span<const std::string>, bool,
                                      const Env&) override {
    return ExecPlan{};
  }
  absl::StatusOr<ExecPlan> PlanLogs(std::string_view, const LogsWanted&, const Env&) override {
    return ExecPlan{};
  }
  absl::StatusOr<SandboxExit> ConfirmExit(std::string_view, ExitStatus seen) override {
    return SandboxExit{.code = seen.ShellCode(), .start_failure = {}};
  }
  absl::Status Stop(std::string_view, std::chrono::seconds) override { return absl::OkStatus(); }
  absl::Status Halt(std::string_view name) override { return Release(name); }
  absl::StatusOr<std::map<std::string, SandboxUsage>> Usage(std::span<const std::string>) override {
    return std::map<std::string, SandboxUsage>();
  }
  absl::Status Release(std::string_view name) override {
    if (on_release) on_release();
    if (engine_away) return Unavailable("the engine does not answer");
    MutexLock lock(mu_);
    existing_.erase(std::string(name));
    return absl::OkStatus();
  }
  bool outlives_client() const override { return true; }
  absl::StatusOr<std::vector<SandboxInfo>> List() override { return std::vector<SandboxInfo>(); }

  std::size_t existing() {
    MutexLock lock(mu_);
    return existing_.size();
  }

  // In the sandbox that was made last.
  bool Mounts(const std::filesystem::path& path, bool writable) {
    MutexLock lock(mu_);
    return std::count(mounts_.begin(), mounts_.end(), Mount{path, path, writable}) == 1;
  }

  std::function<void()> on_prepare;
  std::function<void()> on_release;
  std::atomic<bool> engine_away{false};

 private:
  const std::string name_;
  Mutex mu_;
  std::set<std::string> existing_;
  std::vector<Mount> mounts_;
};

struct Fixture {
  Fixture() : git(dir.path()), boundary(dir / "private") {
    worktree = test::Must(git.Locate(git.repository().main_worktree));
    request.caller.cwd = worktree.path;
    request.caller.env = {{"HOME", (dir / "home").string()}};
    request.command = {"true"};
    request.client_pid = ::getpid();
  }
  absl::StatusOr<std::string> Open() {
    WM_ASSIGN_OR_RETURN(const SessionManager::Opened opened, sessions.Open(request, progress, {}));
    return opened.session_id;
  }

  test::TempDir dir;
  test::FakeGit git;
  std::unique_ptr<SqliteStore> store = test::Must(SqliteStore::Open(dir / "db"));
  ThreadPool executor{"test", 1, 8};
  EventLoop loop;
  NoTmux tmux;
  CountingBoundary boundary;
  test::FakeAgentConfigs agent_configs;
  QuietBridge bridge;
  test::SandboxLog log;
  test::FakeEgressGateway egress{log};
  test::FakeFirewallGates gates{log};
  ScriptedBackend backend{"docker"};
  ScriptedBackend confined{"namespace"};
  SandboxBackends backends{{"docker", &backend}, {"namespace", &confined}};
  ConfigGate config{*store};
  AgentTracker agents{*store, tmux};
  SessionDirectory directory;
  std::function<void()> on_plan;
  SessionPlanner planner{{.git = git,
                          .config = config,
                          .backends = backends,
                          .find_program =
                              [this](const std::string&, const Env&) {
                                // While a session of the namespace backend is planned.
                                if (const auto meanwhile = std::exchange(on_plan, nullptr))
                                  meanwhile();
                                return absl::StatusOr<SessionPlanner::ProgramPaths>(
                                    SessionPlanner::ProgramPaths{});
                              },
                          .default_runtime = [] { return std::string("docker"); },
                          .own_dirs = {}}};
  ImageManager images{{.records = *store, .executor = executor, .now = [] { return 0; }}};
  SessionManager sessions{
      {.planner = planner,
       .git = boundary,
       .agent_configs = agent_configs,
       .bridge = bridge,
       .egress = egress,
       .gates = gates,
       .agents = agents,
       .multiplexers = tmux,
       .directory = directory,
       .records = *store,
       .trust = config,
       .images = images,
       .backends = backends,
       .loop = loop,
       .executor = executor,
       .runtime_dir = dir / "run",
       .guest_dir = dir.path(),
       .instance = "0123456789abcdef",
       .record_sources = [](std::span<const Mount>) { return MountSources::Record({}); }}};
  Worktree worktree;
  SessionRequest request;
  test::FakeProgress progress;
};

TEST_CASE("SessionManager: a worktree whose sandbox is being opened is not given up") {
  Fixture f;
  absl::Status ended;
  f.backend.on_prepare = [&] { ended = f.sessions.EndWorktree(f.worktree); };
  const std::string id = test::Must(f.Open());
  CHECK(ReasonOf(ended) == "SANDBOX_BUSY");
  CHECK_OK(f.sessions.EndWorktree(f.worktree));
  CHECK(f.backend.existing() == 0);
  CHECK_FALSE(f.directory.Find(id));
}

TEST_CASE("SessionManager: a sandbox that is ended while it is made leaves nothing behind") {
  Fixture f;
  f.backend.on_prepare = [&] { f.sessions.EndAll(); };
  CHECK_CODE(f.Open().status(), absl::StatusCode::kUnavailable);
  CHECK(f.backend.existing() == 0);
  CHECK(f.boundary.watches == 0);
  CHECK(f.directory.All().empty());
  CHECK(test::Must(f.store->LoadSessions()).empty());
  // Control: without it the same request gives a sandbox. Not by this manager, whose
  // daemon is about to stop.
  f.backend.on_prepare = nullptr;
  CHECK_CODE(f.Open().status(), absl::StatusCode::kUnavailable);
  Fixture other;
  CHECK_OK(other.Open().status());
  CHECK(other.backend.existing() == 1);
}

TEST_CASE("SessionManager: a sandbox that cannot be removed keeps its worktree and its record") {
  Fixture f;
  const std::string id = test::Must(f.Open());
  f.backend.engine_away = true;
  CHECK_FALSE(f.sessions.EndWorktree(f.worktree).ok());
  CHECK(f.directory.Find(id));
  CHECK(test::Must(f.store->LoadSessions()).size() == 1);
  f.backend.engine_away = false;
  CHECK_OK(f.sessions.EndWorktree(f.worktree));
  CHECK(f.backend.existing() == 0);
  CHECK(test::Must(f.store->LoadSessions()).empty());
  CHECK(f.boundary.watches == 0);
}

TEST_CASE("SessionManager: a session that is ending gets no lease, and whoever ends it too waits") {
  Fixture f;
  const std::string id = test::Must(f.Open());
  std::atomic<bool> releasing{false};
  std::atomic<bool> go_on{false};
  f.backend.on_release = [&] {
    releasing = true;
    test::WaitUntil([&] { return go_on.load(); });
  };
  std::thread lost([&] { f.sessions.LeaseLost(id); });
  REQUIRE(test::WaitUntil([&] { return releasing.load(); }));
  CHECK_CODE(f.sessions.Lease(id, [](const absl::Status&) {}), absl::StatusCode::kNotFound);
  std::atomic<bool> removed{false};
  std::thread remove([&] {
    CHECK_OK(f.sessions.EndWorktree(f.worktree));
    removed = true;
  });
  CHECK_FALSE(test::WaitUntil([&] { return removed.load(); }, std::chrono::milliseconds(50)));
  go_on = true;
  remove.join();
  lost.join();
  CHECK(f.backend.existing() == 0);
}

TEST_CASE(
    "SessionManager: a daemon that stops takes no lease and opens nothing, and ends nothing") {
  Fixture f;
  const std::string id = test::Must(f.Open());
  absl::Status why;
  REQUIRE_OK(f.sessions.Lease(id, [&](const absl::Status& status) { why = status; }));
  f.sessions.BeginShutdown();
  CHECK(why.code() == absl::StatusCode::kUnavailable);
  f.sessions.LeaseLost(id);
  CHECK(f.backend.existing() == 1);
  CHECK_CODE(f.sessions.Lease(id, [](const absl::Status&) {}), absl::StatusCode::kUnavailable);
  CHECK_CODE(f.Open().status(), absl::StatusCode::kUnavailable);
  CHECK(f.backend.existing() == 1);
}

TEST_CASE("SessionManager: no sandbox is opened for a worktree that is being removed") {
  Fixture f;
  test::Must(f.Open());
  {
    const WorktreeClaims::Claim removal = f.sessions.Claim(f.worktree);
    CHECK_OK(f.sessions.EndWorktree(f.worktree));
    const absl::Status refused = f.Open().status();
    CHECK(ReasonOf(refused) == "WORKTREE_BUSY");
    CHECK_FALSE(HintOf(refused).empty());
    CHECK(f.backend.existing() == 0);
    CHECK(f.boundary.watches == 0);
    CHECK(test::Must(f.store->LoadSessions()).empty());
  }
  // Control: the removal is over, and had nothing to remove.
  CHECK_OK(f.Open().status());
}

TEST_CASE("SessionManager: a worktree that goes while its sandbox is planned gets none") {
  Fixture f;
  const AddWorktreeSpec spec{
      .path = f.dir / "trees/a", .branch = "a", .create_branch = true, .base = "main", .env = {}};
  REQUIRE_OK(f.git.AddWorktree(f.git.repository(), spec));
  const Worktree a = test::Must(f.git.Locate(spec.path));
  f.request.caller.cwd = spec.path;
  f.request.backend = "namespace";
  f.on_plan = [&] {
    const WorktreeClaims::Claim removal = f.sessions.Claim(a);
    CHECK_OK(f.sessions.EndWorktree(a));
    std::filesystem::remove_all(a.path);
    CHECK_OK(f.git.ForgetWorktree(a));
  };
  CHECK_FALSE(f.Open().ok());
  CHECK_FALSE(f.on_plan);
  CHECK(f.confined.existing() == 0);
  CHECK(f.directory.All().empty());
}

TEST_CASE(
    "SessionManager: a worktree that is made while a sandbox is planned is out of its reach") {
  Fixture f;
  const std::filesystem::path nested = f.worktree.path / "nested";
  f.request.backend = "namespace";
  const auto add = [&] {
    const auto place = f.sessions.ReservePlace(nested);
    CHECK_OK(place.status());
    CHECK_OK(f.git.AddWorktree(
        f.git.repository(),
        {.path = nested, .branch = "n", .create_branch = true, .base = "main", .env = {}}));
  };
  f.on_plan = add;
  CHECK_OK(f.Open().status());
  CHECK(f.confined.Mounts(f.worktree.path, /*writable=*/true));
  CHECK(f.confined.Mounts(nested, /*writable=*/false));
}

TEST_CASE("SessionManager: no worktree is made where a sandbox can write") {
  Fixture f;
  const std::filesystem::path nested = f.worktree.path / "nested";
  SECTION("that is being opened") {
    absl::Status reserved;
    f.backend.on_prepare = [&] { reserved = f.sessions.ReservePlace(nested).status(); };
    test::Must(f.Open());
    CHECK(ReasonOf(reserved) == "WORKTREE_EXPOSED");
  }
  SECTION("that is opened while it is made") {
    const auto place = test::Must(f.sessions.ReservePlace(nested));
    CHECK(ReasonOf(f.Open().status()) == "WORKTREE_BUSY");
    CHECK(f.backend.existing() == 0);
  }
  SECTION("that runs") {
    test::Must(f.Open());
    const absl::Status refused = f.sessions.ReservePlace(nested).status();
    CHECK(ReasonOf(refused) == "WORKTREE_EXPOSED");
    CHECK_FALSE(HintOf(refused).empty());
    // Beside it there is room.
    CHECK_OK(f.sessions.ReservePlace(f.dir / "trees/a").status());
  }
  CHECK_OK(f.sessions.EndWorktree(f.worktree));
  CHECK_OK(f.sessions.ReservePlace(nested).status());
}

TEST_CASE("SessionManager: the directory of new worktrees is read-only, so there is room in it") {
  Fixture f;
  test::WriteFile(f.dir / "home/.config/workmux/config.yaml", "worktree_dir: .trees\n");
  const std::filesystem::path trees = f.worktree.path / ".trees";
  SECTION("when it exists") {
    std::filesystem::create_directories(trees);
    test::Must(f.Open());
    CHECK(f.backend.Mounts(trees, /*writable=*/false));
    CHECK_OK(f.sessions.ReservePlace(trees / "a").status());
    CHECK(ReasonOf(f.sessions.ReservePlace(f.worktree.path / "a").status()) == "WORKTREE_EXPOSED");
    // Also for the next daemon.
    CHECK(test::Must(f.store->LoadSessions()).front().sealed_dir == trees);
  }
  SECTION("not when it is still to be made") {
    test::Must(f.Open());
    CHECK(ReasonOf(f.sessions.ReservePlace(trees / "a").status()) == "WORKTREE_EXPOSED");
  }
  SECTION("not when it leads elsewhere") {
    std::filesystem::create_directories(f.dir / "elsewhere");
    std::filesystem::create_directory_symlink(f.dir / "elsewhere", trees);
    test::Must(f.Open());
    CHECK_FALSE(f.backend.Mounts(trees, /*writable=*/false));
  }
}

}  // namespace
}  // namespace workmux::daemon
