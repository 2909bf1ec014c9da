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
  std::string_view name() const override { return "container"; }
  absl::Status Check(std::string_view, const Env&) override { return absl::OkStatus(); }
  absl::StatusOr<BridgeAddress> Bridge(const Env&) override {
    return BridgeAddress{"127.0.0.1", "127.0.0.1"};
  }
  absl::Status Prepare(const SandboxSpec& spec, ProgressSink&, std::stop_token) override {
    if (on_prepare) on_prepare();
    MutexLock lock(mu_);
    existing_.insert(spec.name);
    return absl::OkStatus();
  }
  absl::StatusOr<ExecPlan> PlanRun(const SandboxSpec&, const Env&) override { return ExecPlan{}; }
  absl::StatusOr<ExecPlan> PlanAttach(const SandboxSpec&, std::span<const std::string>, bool,
                                      const Env&) override {
    return ExecPlan{};
  }
  absl::StatusOr<SandboxExit> ConfirmExit(std::string_view, ExitStatus seen) override {
    return SandboxExit{.code = seen.ShellCode(), .start_failure = {}};
  }
  absl::Status Stop(std::string_view, std::chrono::seconds) override { return absl::OkStatus(); }
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

  std::function<void()> on_prepare;
  std::function<void()> on_release;
  std::atomic<bool> engine_away{false};

 private:
  Mutex mu_;
  std::set<std::string> existing_;
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
  QuietBridge bridge;
  ScriptedBackend backend;
  SandboxBackends backends{{"container", &backend}};
  ConfigGate config{*store};
  AgentTracker agents{*store, tmux};
  SessionDirectory directory;
  SessionPlanner planner{
      git, config, backends, [](const std::string&, const Env&) {
        return absl::StatusOr<SessionPlanner::ProgramPaths>(SessionPlanner::ProgramPaths{});
      }};
  SessionManager sessions{
      {.planner = planner,
       .git = boundary,
       .bridge = bridge,
       .agents = agents,
       .multiplexers = tmux,
       .directory = directory,
       .records = *store,
       .trust = config,
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

}  // namespace
}  // namespace workmux::daemon
