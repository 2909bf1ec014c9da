#include "daemon/domain/session_manager.h"

#include <chrono>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "daemon/async/parallel.h"
#include "daemon/domain/caller_pane.h"
#include "daemon/domain/mount_plan.h"
#include "daemon/domain/rollback.h"
#include "daemon/sys/random.h"

namespace workmux::daemon {
namespace {

constexpr std::chrono::seconds kStopGrace{2};
// An engine that does not answer is asked again.
constexpr std::chrono::seconds kRetryRelease{30};
// Plans that the making and removing of worktrees may overtake.
constexpr int kMaxPlans = 10;

void LogFailure(std::string_view what, const absl::Status& status) {
  if (!status.ok()) LogWarning("session", Format("{}: {}", what, MessageOf(status)));
}

}  // namespace

SessionManager::SessionManager(Deps deps) : deps_(std::move(deps)) {}

SessionManager::~SessionManager() {
  // Their callbacks use this object; each handle waits for a running one.
  std::map<std::string, Wait> waits;
  std::map<std::string, std::unique_ptr<MaskGuard>> guards;
  {
    MutexLock lock(mu_);
    shutting_down_ = true;
    waits.swap(waits_);
    guards.swap(guards_);
  }
}

absl::StatusOr<std::optional<PaneRef>> SessionManager::PaneOf(const Caller& caller) {
  const std::optional<CallerPane> pane = CallerPaneOf(caller);
  if (!pane) return std::nullopt;
  PaneRef ref{.tmux_socket = pane->tmux_socket, .server_start = {}, .pane_id = pane->pane_id};
  // A status is worth little without its window, but an agent is not worth less:
  // when tmux does not answer the session opens all the same.
  if (auto multiplexer = deps_.multiplexers.Get(ref.tmux_socket); multiplexer.ok()) {
    if (auto start = (*multiplexer)->ServerStart(); start.ok()) ref.server_start = *start;
  }
  return ref;
}

// A plan holds what was read of the repository's worktrees: when one came or went
// since, it is made again.
absl::StatusOr<SessionPlan> SessionManager::BeginOpening(const SessionRequest& request) {
  for (int i = 0; i < kMaxPlans; ++i) {
    const std::uint64_t version = claims_.version();
    WM_ASSIGN_OR_RETURN(SessionPlan plan, deps_.planner.Plan(request));
    const SandboxArea area = plan.Area();
    {
      MutexLock lock(mu_);
      if (closed_) return Unavailable("workmuxd is stopping");
      opening_[plan.session_id] = {.area = area, .doomed = false};
    }
    const absl::Status free = claims_.CheckFree(area);
    if (free.ok() && claims_.version() == version) return plan;
    CancelOpening(plan.session_id);
    WM_RETURN_IF_ERROR(free);
  }
  return WithHint(WithReason(Aborted("worktrees come and go too fast"), "WORKTREE_BUSY"),
                  "try again in a moment");
}

void SessionManager::CancelOpening(const std::string& session_id) {
  MutexLock lock(mu_);
  opening_.erase(session_id);
}

absl::Status SessionManager::FinishOpening(const std::string& session_id) {
  MutexLock lock(mu_);
  // A doomed one stays listed until Open has undone it.
  if (closed_ || opening_[session_id].doomed)
    return Unavailable("the sandbox was ended while it was being opened");
  opening_.erase(session_id);
  return absl::OkStatus();
}

absl::StatusOr<SessionManager::Opened> SessionManager::Open(const SessionRequest& request,
                                                            ProgressSink& progress,
                                                            std::stop_token stop) {
  WM_ASSIGN_OR_RETURN(const SessionPlan plan, BeginOpening(request));
  Rollback rollback;
  rollback.Add([this, id = plan.session_id] { CancelOpening(id); });
  std::unique_ptr<SandboxCheck::Question> question;
  if (deps_.check != nullptr) question = deps_.check->Ask(plan);
  for (const std::string& warning : plan.warnings) progress.Warn(warning);

  SessionRecord record;
  record.id = plan.session_id;
  record.backend = std::string(plan.backend->name());
  record.worktree = plan.worktree;
  record.git = plan.git == SandboxGit::kClone ? "clone" : "shared";
  record.sealed_dir = plan.sealed_dir;
  record.main_writable = plan.Area().main_writable;
  record.cwd = plan.cwd;
  record.agent = plan.agent;
  record.agent_profile = plan.agent_profile;
  record.icons = plan.icons;
  record.started = UnixNow();
  WM_ASSIGN_OR_RETURN(record.client, IdentifyProcess(request.client_pid));
  WM_ASSIGN_OR_RETURN(record.pane, PaneOf(request.caller));

  OwnMounts own;
  if (plan.git == SandboxGit::kClone) {
    WM_ASSIGN_OR_RETURN(own.git, deps_.git.Prepare(plan.worktree, request.caller.env, stop));
    WM_RETURN_IF_ERROR(deps_.git.Watch(plan.worktree));
    rollback.Add([this, worktree = plan.worktree] { deps_.git.Unwatch(worktree); });
  }
  if (plan.agent_config) {
    WM_ASSIGN_OR_RETURN(own.agent, deps_.agent_configs.Prepare(plan.worktree, *plan.agent_config));
  }
  deps_.agent_configs.Watch(plan.worktree);
  rollback.Add([this, worktree = plan.worktree] { deps_.agent_configs.Unwatch(worktree); });
  WM_RETURN_IF_ERROR(
      deps_.trust.BeginSandboxing(plan.worktree.repository.common_dir, plan.config_hash));

  rollback.Add([this, id = record.id] { CloseEndpoints(id); });
  WM_ASSIGN_OR_RETURN(SandboxSpec spec, OpenEndpoints(plan, request, std::move(own), record));
  record.sandbox = spec.name;
  WM_ASSIGN_OR_RETURN(record.masks, LookAtMasked(FilesShownBy(spec.mounts, plan.masked_files)));
  WM_ASSIGN_OR_RETURN(const MountSources sources, deps_.record_sources(spec.mounts));
  sources.GuardStart(spec);
  if (question) {
    rollback.Add([this, id = record.id] { deps_.check->Ended(id); });
    WM_RETURN_IF_ERROR(deps_.check->Expect(*question, plan, sources, request.caller.env, spec));
  }

  // The record is written first: a crash between the two leaves a record without
  // a sandbox, which the next start drops, never a sandbox without a record.
  rollback.Add([this, id = record.id] {
    deps_.directory.Erase(id);
    LogFailure("erasing a session", deps_.records.EraseSession(id));
  });
  deps_.directory.Put(record);
  WM_RETURN_IF_ERROR(deps_.records.PutSession(record));

  rollback.Add([this, id = record.id] { DropGuard(id); });
  WM_RETURN_IF_ERROR(GuardMasks(record));

  rollback.Add([backend = plan.backend, name = spec.name] {
    LogFailure("undoing a sandbox", backend->Release(name));
  });
  WM_RETURN_IF_ERROR(deps_.images.Use(
      plan.backend->images(), plan.image,
      [&] { return plan.backend->Prepare(spec, progress, stop); }, progress, stop));
  WM_RETURN_IF_ERROR(sources.CheckUnchanged());
  WM_ASSIGN_OR_RETURN(ExecPlan run, plan.backend->PlanRun(spec, request.caller.env));
  if (stop.stop_requested()) return Cancelled("interrupted");
  WM_RETURN_IF_ERROR(FinishOpening(record.id));
  rollback.Keep();
  LogInfo("session",
          Format("{} opened: {} in {}", record.id, record.sandbox, record.worktree.path.string()));
  return Opened{.session_id = record.id, .plan = std::move(run), .backend = record.backend};
}

absl::Status SessionManager::Lease(const std::string& session_id, Revoke revoke) {
  WM_RETURN_IF_ERROR(TakeLease(session_id, std::move(revoke)));
  if (deps_.check != nullptr) deps_.check->Started(session_id);
  return absl::OkStatus();
}

absl::Status SessionManager::TakeLease(const std::string& session_id, Revoke revoke) {
  MutexLock lock(mu_);
  if (shutting_down_) return Unavailable("workmuxd is stopping");
  // Looked up under the lock: a session that is ending must not get a lease that
  // nobody would take back.
  if (ending_.contains(session_id) || !deps_.directory.Find(session_id)) {
    return WithReason(NotFound("session {} is not known", session_id), "SESSION_NOT_FOUND");
  }
  if (leases_.contains(session_id))
    return WithReason(Aborted("session {} has a lease", session_id), "SESSION_LEASED");
  leases_[session_id] = std::move(revoke);
  if (auto found = waits_.extract(session_id); !found.empty()) {
    // Freed on a worker: the loop may be waiting for our lock in this very wait.
    auto shared = std::make_shared<Wait>(std::move(found.mapped()));
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
  End(session_id, EndReason::kLeaseLost).IgnoreError();
}

absl::StatusOr<SandboxExit> SessionManager::Close(const std::string& session_id, ExitStatus exit) {
  const auto record = deps_.directory.Find(session_id);
  if (!record) return SandboxExit{.code = exit.ShellCode(), .start_failure = {}};
  {
    MutexLock lock(mu_);
    closing_.insert(session_id);
  }
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
  if (record->git == "clone")
    LogFailure("taking the branch", deps_.git.Import(record->worktree, {}));
  deps_.executor.Post([this, session_id] { End(session_id, EndReason::kClosed).IgnoreError(); });
  return result;
}

absl::Status SessionManager::StopSandbox(const std::string& session_id) {
  const auto record = deps_.directory.Find(session_id);
  if (!record)
    return WithReason(NotFound("session {} is not known", session_id), "SESSION_NOT_FOUND");
  const auto backend = deps_.backends.find(record->backend);
  if (backend == deps_.backends.end())
    return Internal("backend {} is not part of this daemon", record->backend);
  return backend->second->Stop(record->sandbox, kStopGrace);
}

// One thread ends a session; others that want the same wait until it has, because
// their callers go on to remove what the sandbox uses.
bool SessionManager::ClaimEnd(const std::string& session_id, Revoke& revoke) {
  mu_.Lock();
  while (ending_.contains(session_id)) ended_.wait(mu_);
  bool claimed = false;
  if (const auto opening = opening_.find(session_id); opening != opening_.end()) {
    opening->second.doomed = true;
  } else if (deps_.directory.Find(session_id)) {
    claimed = ending_.insert(session_id).second;
    if (const auto lease = leases_.find(session_id); lease != leases_.end()) {
      revoke = std::move(lease->second);
      leases_.erase(lease);
    }
  }
  mu_.Unlock();
  return claimed;
}

void SessionManager::ReleaseEnd(const std::string& session_id) {
  SetWait(session_id, nullptr);
  MutexLock lock(mu_);
  ending_.erase(session_id);
  closing_.erase(session_id);
  ended_.notify_all();
}

// Release kills what runs; nobody is left to whom a gentle end would matter.
absl::Status SessionManager::RemoveSandbox(const SessionRecord& record) {
  const auto backend = deps_.backends.find(record.backend);
  return backend == deps_.backends.end() ? absl::OkStatus()
                                         : backend->second->Release(record.sandbox);
}

absl::Status SessionManager::End(const std::string& session_id, EndReason reason,
                                 std::string_view told) {
  Revoke revoke;
  const auto record = deps_.directory.Find(session_id);
  if (!record || !ClaimEnd(session_id, revoke)) return absl::OkStatus();
  // Before the program dies, or its client would report a killed program.
  if (revoke && reason == EndReason::kRevoked) revoke(Cancelled("{}", told));
  DropGuard(session_id);
  // The token goes first: what is still running inside says nothing any more.
  CloseEndpoints(session_id);
  const absl::Status removed = RemoveSandbox(*record);
  LogFailure("releasing " + record->sandbox, removed);
  if (removed.ok()) {
    if (record->git == "clone") {
      LogFailure("taking the branch", deps_.git.Import(record->worktree, {}));
      deps_.git.Unwatch(record->worktree);
    }
    deps_.agent_configs.Unwatch(record->worktree);
    LogFailure("erasing a session", deps_.records.EraseSession(session_id));
    deps_.directory.Erase(session_id);
    if (deps_.check != nullptr) deps_.check->Ended(session_id);
    LogInfo("session", Format("{} ended", session_id));
  }
  if (revoke && reason == EndReason::kClosed) revoke(absl::OkStatus());
  ReleaseEnd(session_id);
  if (!removed.ok()) {
    SetWait(session_id, deps_.loop.After(kRetryRelease, [this, session_id] {
      deps_.executor.Post(
          [this, session_id] { End(session_id, EndReason::kLeaseLost).IgnoreError(); });
    }));
  }
  return Annotate(removed, "removing " + record->sandbox);
}

void SessionManager::BeginShutdown() {
  std::map<std::string, Revoke> leases;
  std::map<std::string, Wait> waits;
  std::map<std::string, std::unique_ptr<MaskGuard>> guards;
  {
    MutexLock lock(mu_);
    shutting_down_ = closed_ = true;
    leases.swap(leases_);
    waits.swap(waits_);
    guards.swap(guards_);
  }
  // The clients keep their agents running and come back to the next daemon.
  for (auto& [id, revoke] : leases) {
    if (revoke) revoke(Unavailable("workmuxd is stopping"));
  }
}

void SessionManager::EndAll() {
  {
    MutexLock lock(mu_);
    closed_ = true;
  }
  const std::vector<SessionRecord> records = deps_.directory.All();
  ParallelFor(deps_.executor, records.size(),
              [&](std::size_t i) { End(records[i].id, EndReason::kRevoked).IgnoreError(); });
}

absl::StatusOr<WorktreeClaims::Claim> SessionManager::ReservePlace(
    const std::filesystem::path& place) {
  WorktreeClaims::Claim claim = claims_.Take(place);
  std::vector<SandboxArea> areas;
  {
    MutexLock lock(mu_);
    for (const auto& [id, opening] : opening_) areas.push_back(opening.area);
  }
  for (const SessionRecord& record : deps_.directory.All())
    areas.push_back(
        {record.worktree, record.git == "clone", record.main_writable, record.sealed_dir});
  for (const SandboxArea& area : areas) {
    if (!area.Exposes(place)) continue;
    return WithHint(
        WithReason(
            FailedPrecondition("'{}' lies where the sandbox of '{}' can write",
                               Printable(place.native()), Printable(area.worktree.path.native())),
            "WORKTREE_EXPOSED"),
        "end that sandbox first, or set worktree_dir to a directory outside of the repository");
  }
  return claim;
}

absl::Status SessionManager::EndWorktree(const Worktree& worktree) {
  {
    MutexLock lock(mu_);
    for (const auto& [id, opening] : opening_) {
      if (opening.area.worktree.path != worktree.path) continue;
      return WithHint(WithReason(Aborted("{}: a sandbox is being opened", worktree.path.string()),
                                 "SANDBOX_BUSY"),
                      "try again when it has started");
    }
  }
  for (const SessionRecord& record : deps_.directory.All()) {
    if (record.worktree.path == worktree.path)
      WM_RETURN_IF_ERROR(End(record.id, EndReason::kRevoked));
  }
  return deps_.git.Import(worktree, {});
}

bool SessionManager::IsLeased(const std::string& session_id) const {
  MutexLock lock(mu_);
  return leases_.contains(session_id);
}

}  // namespace workmux::daemon
