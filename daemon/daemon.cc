#include "daemon/daemon.h"

#include <unistd.h>

#include <csignal>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/io/file.h"
#include "common/io/socket.h"
#include "common/log/log.h"
#include "common/process/posix_command_runner.h"
#include "daemon/adapters/container/container_backend.h"
#include "daemon/adapters/container/runtime_traits.h"
#include "daemon/adapters/egress/decision_log.h"
#include "daemon/adapters/egress/proxy_gateway.h"
#include "daemon/adapters/git/git_cli.h"
#include "daemon/adapters/namespace/agent_program.h"
#include "daemon/adapters/namespace/namespace_backend.h"
#include "daemon/adapters/store/sqlite_store.h"
#include "daemon/adapters/tmux/tmux_servers.h"
#include "daemon/agent_config/private_agent_configs.h"
#include "daemon/async/event_loop.h"
#include "daemon/async/thread_pool.h"
#include "daemon/config/config_reference.h"
#include "daemon/domain/agent_queries.h"
#include "daemon/domain/agent_tracker.h"
#include "daemon/domain/blocked_requests.h"
#include "daemon/domain/config_gate.h"
#include "daemon/domain/configured_network.h"
#include "daemon/domain/doctor.h"
#include "daemon/domain/image_manager.h"
#include "daemon/domain/network_allowances.h"
#include "daemon/domain/network_log.h"
#include "daemon/domain/network_reload.h"
#include "daemon/domain/session_directory.h"
#include "daemon/domain/session_guest_actions.h"
#include "daemon/domain/session_manager.h"
#include "daemon/domain/session_planner.h"
#include "daemon/domain/worktree_base.h"
#include "daemon/domain/worktree_manager.h"
#include "daemon/egress/local_route.h"
#include "daemon/guest/guest_bridge.h"
#include "daemon/guest/socket_gates.h"
#include "daemon/instance_files.h"
#include "daemon/log_progress.h"
#include "daemon/rpc/agent_service.h"
#include "daemon/rpc/control_server.h"
#include "daemon/rpc/daemon_service.h"
#include "daemon/rpc/image_service.h"
#include "daemon/rpc/network_service.h"
#include "daemon/rpc/sandbox_service.h"
#include "daemon/rpc/socket_keeper.h"
#include "daemon/rpc/workspace_service.h"
#include "daemon/sandbox_git/clone_git_boundary.h"
#include "daemon/sys/activation.h"
#include "daemon/sys/instance_id.h"
#include "daemon/verify/sandbox_verifier.h"

namespace workmux::daemon {
namespace {

constexpr std::size_t kMinWorkers = 2;
constexpr std::size_t kMaxWorkers = 64;
constexpr std::size_t kMaxGuestWorkers = 16;
constexpr std::chrono::seconds kDrainLimit{5};
#ifdef __APPLE__
constexpr bool kMacOs = true;
#else
constexpr bool kMacOs = false;
#endif

absl::StatusOr<SessionPlanner::ProgramPaths> FindProgramPaths(const std::string& program,
                                                              const Env& env) {
  WM_ASSIGN_OR_RETURN(AgentInstallation found, FindAgentInstallation(program, env));
  return SessionPlanner::ProgramPaths{std::move(found.paths), std::move(found.path_dirs)};
}

// Docker has a daemon of its own to ask. Podman's client makes directories and leaves
// a process for each user who calls it: only for those who use it.
bool IsAskedAnyway(const std::string& backend) { return backend == "docker"; }

// What of ours is mounted into sandboxes is compared with its canonical path
// then. What has none yet is refused there, not here.
void MakeCanonical(Daemon::Options& options) {
  for (std::filesystem::path* path :
       {&options.paths.state, &options.paths.runtime, &options.guest_dir}) {
    std::error_code error;
    std::filesystem::path real = std::filesystem::canonical(*path, error);
    if (!error) *path = std::move(real);
  }
}

}  // namespace

// In the order of construction; destroyed the other way round.
struct Daemon::Parts {
  Parts(Options given, InstanceLocks held, std::unique_ptr<SqliteStore> opened, std::string name)
      : options(std::move(given)),
        instance(std::move(name)),
        locks(std::move(held)),
        store(std::move(opened)) {
    for (const RuntimeTraits& traits : AllRuntimeTraits()) {
      auto backend = std::make_unique<ContainerBackend>(runner, traits, options.env, instance,
                                                        options.paths.runtime / "start");
      backends.emplace(traits.name, backend.get());
      // What belongs to another kind of host is not missed here.
      if (kMacOs || !traits.only_macos) expected_backends.emplace(traits.name, backend.get());
      containers.push_back(std::move(backend));
    }
  }

  Options options;
  const std::string instance;
  InstanceLocks locks;
  std::string log_file;
  std::unique_ptr<SqliteStore> store;
  PosixCommandRunner runner;
  ThreadPool executor{"wm-work", kMinWorkers, kMaxWorkers};
  // What sandboxes ask for never takes a worker from the host's own clients.
  ThreadPool guest_executor{"wm-guest", 1, kMaxGuestWorkers};
  EventLoop loop;

  GitCli git{runner, options.env};
  TmuxServers tmux{runner};
  NamespaceBackend namespaces{runner, options.env, options.guest_dir};
  std::vector<std::unique_ptr<ContainerBackend>> containers;
  SandboxBackends backends{{"namespace", &namespaces}};
  SandboxBackends expected_backends{{"namespace", &namespaces}};
  std::unique_ptr<CloneGitBoundary> boundary;
  std::unique_ptr<PrivateAgentConfigs> agent_configs;

  ConfigGate config{*store, [this](const auto& dir) { return git.Locate(dir); }};
  ImageManager images{{.records = *store, .executor = executor, .now = &UnixNow}};
  AgentTracker agents{*store, tmux};
  SessionDirectory directory;
  SessionGuestActions guest_actions{directory, agents};
  GuestBridge bridge{loop, guest_executor, guest_actions};
  SocketGates gates{loop, executor};
  DecisionLog decisions;
  NetworkLog network_log{
      {.records = *store, .executor = executor, .directory = directory, .followers = decisions}};
  BlockedRequests blocked{{.next = network_log, .loop = loop}};
  ProxyGateway egress{blocked, runner};
  NetworkAllowances allowances{{.gateway = egress,
                                .records = *store,
                                .loop = loop,
                                .executor = executor,
                                .closed = [this](const auto& id) { blocked.Forget(id); }}};
  NetworkReload network_reload{
      {.config = config, .directory = directory, .records = *store, .egress = allowances}};
  SessionPlanner planner{
      {.git = git,
       .config = config,
       .backends = backends,
       .find_program = &FindProgramPaths,
       .default_runtime = [this] { return std::string(DefaultRuntime(options.env, kMacOs)); },
       .own_dirs = {options.paths.state, options.paths.runtime}}};
  SandboxVerifier verifier{{.records = *store,
                            .backends = backends,
                            .runner = runner,
                            .loop = loop,
                            .executor = executor,
                            .end = [this](const std::string& session, const std::string& why) {
                              if (sessions) sessions->EndFor(session, why);
                            }}};
  std::unique_ptr<SessionManager> sessions;
  std::unique_ptr<WorktreeManager> worktrees;
  std::unique_ptr<AgentQueries> queries;
  Doctor doctor{runner, expected_backends};

  std::unique_ptr<DaemonService> daemon_service;
  std::unique_ptr<AgentService> agent_service;
  std::unique_ptr<SandboxService> sandbox_service;
  std::unique_ptr<ImageService> image_service;
  std::unique_ptr<NetworkService> network_service;
  std::unique_ptr<WorkspaceService> workspace_service;
  std::unique_ptr<ControlServer> control;
  std::unique_ptr<SocketKeeper> keeper;
  bool owns_socket = false;

  absl::Status BuildDomain();
  void BuildServices();
  absl::Status Listen();
  absl::Status ListenAgain();
};

absl::Status Daemon::Parts::BuildDomain() {
  WM_ASSIGN_OR_RETURN(boundary,
                      CloneGitBoundary::Create(runner, guest_executor, options.paths.state));
  WM_ASSIGN_OR_RETURN(agent_configs,
                      PrivateAgentConfigs::Create(guest_executor, options.paths.state));
  sessions =
      std::make_unique<SessionManager>(SessionManager::Deps{.planner = planner,
                                                            .git = *boundary,
                                                            .agent_configs = *agent_configs,
                                                            .bridge = bridge,
                                                            .egress = allowances,
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
                                                            .runtime_dir = options.paths.runtime,
                                                            .guest_dir = options.guest_dir,
                                                            .instance = instance,
                                                            .check = &verifier,
                                                            .looks_for_orphans = &IsAskedAnyway});
  bridge.TakeProbes(verifier);
  const WorktreeDeps worktree_deps{
      .git = git,
      .hooks = runner,
      .records = *store,
      .journal = *store,
      .now = [] { return std::chrono::system_clock::now(); },
      .window_env = {{"WORKMUX_SOCKET", options.paths.socket.string()}},
      .run_later = [this](std::function<void()> work) { executor.Post(std::move(work)); },
      .executor = &executor};
  worktrees = std::make_unique<WorktreeManager>(worktree_deps);
  queries = std::make_unique<AgentQueries>(agents, git, executor,
                                           [worktree_deps](const Worktree& worktree) {
                                             return FindBase(worktree_deps, Config(), worktree);
                                           });
  return absl::OkStatus();
}

void Daemon::Parts::BuildServices() {
  daemon_service = std::make_unique<DaemonService>(
      DaemonService::Deps{.executor = executor,
                          .sessions = directory,
                          .doctor = doctor,
                          .log_file = log_file,
                          .config_reference = [] { return RenderReference(); },
                          .shut_down =
                              [this](bool stop_sandboxes) {
                                if (stop_sandboxes) sessions->EndAll();
                                // main waits for it as for a service manager's.
                                ::kill(::getpid(), SIGTERM);
                              }});
  agent_service = std::make_unique<AgentService>(AgentService::Deps{.executor = executor,
                                                                    .agents = agents,
                                                                    .queries = *queries,
                                                                    .git = git,
                                                                    .config = config,
                                                                    .blocked = blocked,
                                                                    .directory = directory});
  sandbox_service = std::make_unique<SandboxService>(SandboxService::Deps{
      .executor = executor,
      .sessions = *sessions,
      .directory = directory,
      .backends = backends,
      .default_runtime = [this] { return std::string(DefaultRuntime(options.env, kMacOs)); },
      .choose_image =
          [this](const Caller& caller) { return image_service->ChooseFor(caller, {}, {}); },
      .git = git,
      .check = verifier});
  image_service = std::make_unique<ImageService>(ImageService::Deps{
      .executor = executor, .images = images, .planner = planner, .git = git, .config = config});
  workspace_service =
      std::make_unique<WorkspaceService>(WorkspaceService::Deps{.executor = executor,
                                                                .loop = loop,
                                                                .worktrees = *worktrees,
                                                                .sessions = *sessions,
                                                                .planner = planner,
                                                                .images = images,
                                                                .boundary = *boundary,
                                                                .agent_configs = *agent_configs,
                                                                .agents = agents,
                                                                .git = git,
                                                                .multiplexers = tmux,
                                                                .config = config});
  network_service = std::make_unique<NetworkService>(NetworkService::Deps{
      .executor = executor,
      .records = *store,
      .log = network_log,
      .allowances = allowances,
      .directory = directory,
      .tunnels = [this] { return egress.Tunnels(); },
      .configured = [this](const Caller& caller) { return ConfiguredNetwork(git, config, caller); },
      .reload = network_reload,
      .resolve = &egress::ThreadedResolver::LookUp,
      .leads_here = &egress::LeadsHere});
}

absl::Status Daemon::Parts::Listen() {
  WM_ASSIGN_OR_RETURN(std::optional<UniqueFd> passed, ActivatedSocket(options.env));
  UniqueFd listener;
  if (passed) {
    listener = *std::move(passed);
  } else {
    // Our lock is held: what stands at the path is a dead daemon's.
    WM_ASSIGN_OR_RETURN(listener, ListenUnix(options.paths.socket));
    owns_socket = true;
  }
  WM_ASSIGN_OR_RETURN(
      control,
      ControlServer::Start(loop, std::move(listener),
                           {daemon_service.get(), agent_service.get(), sandbox_service.get(),
                            image_service.get(), network_service.get(), workspace_service.get()}));
  // A service manager's socket is the service manager's to keep.
  if (owns_socket) {
    keeper = std::make_unique<SocketKeeper>(loop, executor, options.paths.socket,
                                            [this] { return ListenAgain(); });
  }
  return absl::OkStatus();
}

// The lock beside the socket went with it: the old one guards a file without a name.
absl::Status Daemon::Parts::ListenAgain() {
  WM_RETURN_IF_ERROR(MakePrivateDirectory(options.paths.runtime));
  WM_RETURN_IF_ERROR(MakePrivateDirectory(options.paths.socket.parent_path()));
  const std::filesystem::path lock = options.paths.socket.string() + ".lock";
  std::error_code error;
  if (!std::filesystem::exists(lock, error)) {
    WM_ASSIGN_OR_RETURN(locks.socket, LockSocket(options.paths));
  }
  WM_ASSIGN_OR_RETURN(UniqueFd listener, ListenUnix(options.paths.socket));
  control->ListenOn(std::move(listener));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(Options options) {
  WM_RETURN_IF_ERROR(MakeDirectories(options.paths));
  MakeCanonical(options);
  WM_ASSIGN_OR_RETURN(InstanceLocks locks, LockInstance(options.paths));
  const std::filesystem::path log =
      options.log_to_stderr ? "" : options.paths.state / "workmuxd.log";
  const auto level = options.env.find("WORKMUX_LOG");
  StartLogging(log, level == options.env.end() ? "info" : level->second);
  WM_ASSIGN_OR_RETURN(std::unique_ptr<SqliteStore> store,
                      SqliteStore::Open(options.paths.state / "workmux.db"));

  WM_ASSIGN_OR_RETURN(std::string instance, InstanceId(options.paths.state));
  auto parts = std::make_unique<Parts>(std::move(options), std::move(locks), std::move(store),
                                       std::move(instance));
  parts->log_file = log.string();
  // From here on a failure goes through Stop: work may have been posted.
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(parts)));
  WM_RETURN_IF_ERROR(daemon->Begin());
  LogInfo("daemon", Format("ready, pid {}", ::getpid()));
  return daemon;
}

absl::Status Daemon::Begin() {
  WM_RETURN_IF_ERROR(parts_->BuildDomain());
  parts_->BuildServices();
  // State first, clients after it: the first question already gets the truth.
  WM_RETURN_IF_ERROR(parts_->agents.Load());
  WM_RETURN_IF_ERROR(parts_->allowances.Load());
  WM_RETURN_IF_ERROR(parts_->sessions->Restore());
  parts_->allowances.DropForGone();
  for (const SessionRecord& session : parts_->directory.All()) {
    if (NetworkOf(session) == SandboxNetwork::kOpen) continue;
    WM_RETURN_IF_ERROR(parts_->blocked.Load(*parts_->store, session.id));
  }
  LogProgress recovery;
  const absl::Status recovered = parts_->worktrees->Recover(recovery);
  if (!recovered.ok()) LogError("worktrees", MessageOf(recovered));
  parts_->executor.Post([parts = parts_.get()] {
    LogProgress pruning;
    parts->worktrees->PruneRecoveryRefs(pruning);
  });
  parts_->boundary->TidyUp();
  parts_->agent_configs->TidyUp();
  return parts_->Listen();
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Daemon::~Daemon() { Stop(); }

void Daemon::Reload() {
  parts_->network_reload.RunAndLog({.cwd = "/", .env = parts_->options.env});
}

void Daemon::Stop() {
  if (!parts_) return;
  if (parts_->sessions) parts_->sessions->BeginShutdown();
  if (parts_->agent_service) parts_->agent_service->EndWatches();
  if (parts_->keeper) parts_->keeper->Stop();
  if (parts_->control) parts_->control->Stop(kDrainLimit);
  parts_->bridge.Stop();
  // Whatever posts jobs by itself ends before the last job does: what a job uses
  // must outlive it.
  if (parts_->boundary) parts_->boundary->StopWatching();
  if (parts_->agent_configs) parts_->agent_configs->StopWatching();
  if (parts_->workspace_service) parts_->workspace_service->FinishKills();
  parts_->images.Stop();
  parts_->allowances.Stop();
  parts_->guest_executor.Drain();
  parts_->executor.Drain();
  if (parts_->owns_socket) ::unlink(parts_->options.paths.socket.c_str());
  LogInfo("daemon", "stopped");
  parts_.reset();
}

}  // namespace workmux::daemon
