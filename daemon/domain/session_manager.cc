#include "daemon/domain/session_manager.h"

#include <unistd.h>

#include <chrono>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "daemon/domain/rollback.h"
#include "daemon/sys/random.h"

namespace workmux::daemon {
namespace {

constexpr std::chrono::seconds kStopGrace{2};
// A client that died together with the daemon gets this long to come back.
constexpr std::chrono::seconds kUnclaimedGrace{30};

std::int64_t UnixNow() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void LogFailure(std::string_view what, const absl::Status& status) {
  if (!status.ok()) LogWarning("session", Format("{}: {}", what, MessageOf(status)));
}

}  // namespace

SessionManager::SessionManager(Deps deps) : deps_(std::move(deps)) {}

SessionManager::~SessionManager() {
  // Their callbacks use this object; each handle waits for a running one.
  std::map<std::string, std::unique_ptr<EventLoop::Registration>> waits;
  {
    MutexLock lock(mu_);
    waits.swap(waits_);
  }
}

absl::StatusOr<std::optional<PaneRef>> SessionManager::PaneOf(const Caller& caller) {
  const auto tmux = caller.env.find("TMUX");
  const auto pane = caller.env.find("TMUX_PANE");
  if (tmux == caller.env.end() || pane == caller.env.end() || tmux->second.empty()) return std::nullopt;
  PaneRef ref{.tmux_socket = Split(tmux->second, ',').front(), .server_start = {}, .pane_id = pane->second};
  // A status is worth little without its window, but an agent is not worth less:
  // when tmux does not answer the session opens all the same.
  if (auto multiplexer = deps_.multiplexers.Get(ref.tmux_socket); multiplexer.ok()) {
    if (auto start = (*multiplexer)->ServerStart(); start.ok()) ref.server_start = *start;
  }
  return ref;
}

absl::StatusOr<SandboxSpec> SessionManager::OpenBridge(const SessionPlan& plan, const SessionRequest& request,
                                                       std::vector<Mount> git_mounts, SessionRecord& record) {
  SessionPlanner::Endpoints endpoints;
  endpoints.guest_dir = deps_.guest_dir;
  endpoints.instance = deps_.instance;
  endpoints.git_mounts = std::move(git_mounts);
  if (plan.bridge) {
    WM_ASSIGN_OR_RETURN(const SandboxBackend::BridgeAddress address, plan.backend->Bridge(request.caller.env));
    record.token = RandomToken();
    record.bridge_dir = deps_.runtime_dir / "s" / plan.session_id;
    record.bridge_address = address.listen;
    WM_ASSIGN_OR_RETURN(record.bridge_port,
                        deps_.bridge.Open(plan.session_id, record.token,
                                          {.socket_dir = record.bridge_dir, .tcp_address = address.listen}));
    endpoints.token = record.token;
    endpoints.bridge_dir = record.bridge_dir;
    endpoints.rpc_host = address.host;
    endpoints.rpc_port = record.bridge_port;
  }
  return SessionPlanner::BuildSpec(plan, request, endpoints);
}

absl::StatusOr<SessionManager::Opened> SessionManager::Open(const SessionRequest& request, ProgressSink& progress,
                                                            std::stop_token stop) {
  WM_ASSIGN_OR_RETURN(const SessionPlan plan, deps_.planner.Plan(request));
  for (const std::string& warning : plan.warnings) progress.Warn(warning);
  Rollback rollback;

  SessionRecord record;
  record.id = plan.session_id;
  record.backend = std::string(plan.backend->name());
  record.worktree = plan.worktree;
  record.git = plan.git == SandboxGit::kClone ? "clone" : "shared";
  record.cwd = plan.cwd;
  record.agent = plan.agent;
  record.icons = plan.icons;
  record.started = UnixNow();
  WM_ASSIGN_OR_RETURN(record.client, IdentifyProcess(request.client_pid));
  WM_ASSIGN_OR_RETURN(record.pane, PaneOf(request.caller));

  std::vector<Mount> git_mounts;
  if (plan.git == SandboxGit::kClone) {
    WM_ASSIGN_OR_RETURN(git_mounts, deps_.git.Prepare(plan.worktree, request.caller.env, stop));
    WM_RETURN_IF_ERROR(deps_.git.Watch(plan.worktree));
    rollback.Add([this, worktree = plan.worktree] { deps_.git.Unwatch(worktree); });
  }
  WM_RETURN_IF_ERROR(deps_.trust.BeginSandboxing(plan.worktree.repository.common_dir, plan.config_hash));

  rollback.Add([this, id = record.id] { deps_.bridge.Close(id); });
  WM_ASSIGN_OR_RETURN(const SandboxSpec spec, OpenBridge(plan, request, std::move(git_mounts), record));
  record.sandbox = spec.name;

  // The record is written first: a crash between the two leaves a record without
  // a sandbox, which the next start drops, never a sandbox without a record.
  rollback.Add([this, id = record.id] {
    deps_.directory.Erase(id);
    LogFailure("erasing a session", deps_.records.EraseSession(id));
  });
  deps_.directory.Put(record);
  WM_RETURN_IF_ERROR(deps_.records.PutSession(record));

  rollback.Add([backend = plan.backend, name = spec.name] { LogFailure("undoing a sandbox", backend->Release(name)); });
  WM_RETURN_IF_ERROR(plan.backend->Prepare(spec, progress, stop));
  WM_ASSIGN_OR_RETURN(ExecPlan run, plan.backend->PlanRun(spec, request.caller.env));
  if (stop.stop_requested()) return Cancelled("interrupted");
  rollback.Keep();
  LogInfo("session", Format("{} opened: {} in {}", record.id, record.sandbox, record.worktree.path.string()));
  return Opened{.session_id = record.id, .plan = std::move(run), .backend = record.backend};
}

absl::Status SessionManager::Lease(const std::string& session_id, Revoke revoke) {
  if (!deps_.directory.Find(session_id)) {
    return WithReason(NotFound("session {} is not known", session_id), "SESSION_NOT_FOUND");
  }
  MutexLock lock(mu_);
  if (leases_.contains(session_id)) return WithReason(Aborted("session {} has a lease", session_id), "SESSION_LEASED");
  leases_[session_id] = std::move(revoke);
  if (auto found = waits_.extract(session_id); !found.empty()) {
    // Freed on a worker: the loop may be waiting for our lock in this very wait.
    auto shared = std::make_shared<std::unique_ptr<EventLoop::Registration>>(std::move(found.mapped()));
    deps_.executor.Post([shared] { shared->reset(); });
  }
  return absl::OkStatus();
}

void SessionManager::LeaseLost(const std::string& session_id) {
  {
    MutexLock lock(mu_);
    if (shutting_down_) return;
    leases_.erase(session_id);
  }
  End(session_id, EndReason::kLeaseLost);
}

absl::StatusOr<SandboxExit> SessionManager::Close(const std::string& session_id, ExitStatus exit) {
  const auto record = deps_.directory.Find(session_id);
  if (!record) return SandboxExit{.code = exit.ShellCode(), .start_failure = {}};
  const auto backend = deps_.backends.find(record->backend);
  SandboxExit result{.code = exit.ShellCode(), .start_failure = {}};
  if (backend != deps_.backends.end()) {
    if (auto confirmed = backend->second->ConfirmExit(record->sandbox, exit); confirmed.ok()) {
      result = *std::move(confirmed);
    } else {
      LogFailure("asking how a sandbox ended", confirmed.status());
    }
  }
  // Whoever sees the command's end may look at the branch next.
  if (record->git == "clone") LogFailure("taking the branch", deps_.git.Import(record->worktree, {}));
  deps_.executor.Post([this, session_id] { End(session_id, EndReason::kClosed); });
  return result;
}

absl::Status SessionManager::StopSandbox(const std::string& session_id) {
  const auto record = deps_.directory.Find(session_id);
  if (!record) return WithReason(NotFound("session {} is not known", session_id), "SESSION_NOT_FOUND");
  const auto backend = deps_.backends.find(record->backend);
  if (backend == deps_.backends.end()) return Internal("backend {} is not part of this daemon", record->backend);
  return backend->second->Stop(record->sandbox, kStopGrace);
}

void SessionManager::End(const std::string& session_id, EndReason reason) {
  const auto record = deps_.directory.Find(session_id);
  if (!record) return;
  Revoke revoke;
  {
    MutexLock lock(mu_);
    if (!ending_.insert(session_id).second) return;
    if (const auto lease = leases_.find(session_id); lease != leases_.end()) {
      revoke = std::move(lease->second);
      leases_.erase(lease);
    }
  }
  // Before the program dies, or its client would report a killed program.
  if (revoke && reason == EndReason::kRevoked) revoke(Cancelled("the daemon ended the sandbox"));
  // The token goes first: what is still running inside says nothing any more.
  deps_.bridge.Close(session_id);
  if (const auto backend = deps_.backends.find(record->backend); backend != deps_.backends.end()) {
    // Release kills what runs; nobody is left to whom a gentle end would matter.
    LogFailure("releasing " + record->sandbox, backend->second->Release(record->sandbox));
  }
  if (record->git == "clone") {
    LogFailure("taking the branch", deps_.git.Import(record->worktree, {}));
    deps_.git.Unwatch(record->worktree);
  }
  LogFailure("erasing a session", deps_.records.EraseSession(session_id));
  deps_.directory.Erase(session_id);
  if (revoke && reason == EndReason::kClosed) revoke(absl::OkStatus());
  LogInfo("session", Format("{} ended", session_id));
  MutexLock lock(mu_);
  ending_.erase(session_id);
}

absl::StatusOr<ExecPlan> SessionManager::PlanAttach(const Caller& caller, const std::string& session_id,
                                                    const Worktree& worktree,
                                                    const std::vector<std::string>& command, bool tty) {
  std::optional<SessionRecord> chosen;
  for (const SessionRecord& record : deps_.directory.All()) {
    const bool wanted = session_id.empty() ? record.worktree.path == worktree.path : record.id == session_id;
    if (wanted && (!chosen || record.started >= chosen->started)) chosen = record;
  }
  if (!chosen) {
    return WithHint(WithReason(NotFound("no sandbox is running for {}", worktree.path.string()), "SANDBOX_NOT_FOUND"),
                    "start one with: workmux sandbox shell");
  }
  const auto backend = deps_.backends.find(chosen->backend);
  if (backend == deps_.backends.end()) return Internal("backend {} is not part of this daemon", chosen->backend);
  SandboxSpec spec;
  spec.name = chosen->sandbox;
  spec.session_id = chosen->id;
  spec.worktree = chosen->worktree.path;
  spec.cwd = chosen->cwd;
  // Whoever enters is who runs inside already; the default would be root.
  spec.uid = ::geteuid();
  spec.gid = ::getegid();
  return backend->second->PlanAttach(spec, command, tty, caller.env);
}

absl::Status SessionManager::Restore() {
  WM_ASSIGN_OR_RETURN(const std::vector<SessionRecord> records, deps_.records.LoadSessions());
  for (const SessionRecord& record : records) {
    deps_.directory.Put(record);
    if (!record.token.empty()) {
      LogFailure("reopening a bridge",
                 deps_.bridge
                     .Open(record.id, record.token,
                           {.socket_dir = record.bridge_dir,
                            .tcp_address = record.bridge_address,
                            .tcp_port = record.bridge_port})
                     .status());
    }
    if (record.git == "clone") {
      LogFailure("watching a branch", deps_.git.Watch(record.worktree));
      deps_.executor.Post(
          [this, worktree = record.worktree] { LogFailure("taking the branch", deps_.git.Import(worktree, {})); });
    }
    WatchClient(record);
  }
  deps_.executor.Post([this, records] { RemoveOrphans(records); });
  return absl::OkStatus();
}

// A client that lives keeps its sandbox for as long as it lives, leased or not;
// one that is gone gets a short while to be replaced by a resume.
void SessionManager::WatchClient(const SessionRecord& record) {
  const auto end_unless_leased = [this, id = record.id] {
    deps_.executor.Post([this, id] {
      if (!IsLeased(id)) End(id, EndReason::kLeaseLost);
    });
  };
  auto process = OpenProcess(record.client);
  auto wait = process.ok() ? deps_.loop.WhenReadable(*std::move(process), end_unless_leased)
                           : deps_.loop.After(kUnclaimedGrace, end_unless_leased);
  MutexLock lock(mu_);
  waits_[record.id] = std::move(wait);
}

void SessionManager::RemoveOrphans(const std::vector<SessionRecord>& known) {
  for (const auto& [name, backend] : deps_.backends) {
    if (!backend->outlives_client()) continue;
    const auto existing = backend->List();
    if (!existing.ok()) continue;  // an engine that is away is asked at the next start
    for (const SandboxInfo& sandbox : *existing) {
      bool mine = false;
      for (const SessionRecord& record : known) mine = mine || record.id == sandbox.session_id;
      mine = mine || deps_.directory.Find(sandbox.session_id).has_value();
      if (!mine) LogFailure("removing orphan " + sandbox.name, backend->Release(sandbox.name));
    }
  }
}

void SessionManager::BeginShutdown() {
  std::map<std::string, Revoke> leases;
  {
    MutexLock lock(mu_);
    shutting_down_ = true;
    leases.swap(leases_);
  }
  // The clients keep their agents running and come back to the next daemon.
  for (auto& [id, revoke] : leases) revoke(Unavailable("workmuxd is stopping"));
}

void SessionManager::EndAll() {
  for (const SessionRecord& record : deps_.directory.All()) End(record.id, EndReason::kRevoked);
}

absl::Status SessionManager::EndWorktree(const Worktree& worktree) {
  for (const SessionRecord& record : deps_.directory.All()) {
    if (record.worktree.path == worktree.path) End(record.id, EndReason::kRevoked);
  }
  return deps_.git.Import(worktree, {});
}

bool SessionManager::IsLeased(const std::string& session_id) const {
  MutexLock lock(mu_);
  return leases_.contains(session_id);
}

}  // namespace workmux::daemon
