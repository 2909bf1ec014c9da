// How people get at sandboxes that are there: by name, by session or by worktree.

#include <unistd.h>

#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "daemon/domain/session_manager.h"

namespace workmux::daemon {
namespace {

// Seconds do not tell the sandboxes of one window apart; the ticks at which their
// clients started do.
bool IsNewer(const SessionRecord& a, const SessionRecord& b) {
  if (a.started != b.started) return a.started > b.started;
  const std::string& left = a.client.start_time;
  const std::string& right = b.client.start_time;
  return left.size() == right.size() ? left > right : left.size() > right.size();
}

}  // namespace

absl::StatusOr<SessionRecord> SessionManager::Choose(const SandboxChoice& choice) const {
  std::optional<SessionRecord> chosen;
  for (const SessionRecord& record : deps_.directory.All()) {
    const bool wanted = choice.name.empty()
                            ? choice.worktree.has_value() &&
                                  record.worktree.path == choice.worktree->path && IsOpen(record.id)
                            : record.id == choice.name || record.sandbox == choice.name;
    if (wanted && (!chosen || IsNewer(record, *chosen))) chosen = record;
  }
  if (chosen) return *std::move(chosen);
  if (!choice.name.empty()) {
    return WithHint(WithReason(NotFound("there is no sandbox '{}'", Printable(choice.name)),
                               "SANDBOX_NOT_FOUND"),
                    "see the names with: workmux sandbox list");
  }
  return WithHint(
      WithReason(NotFound("no sandbox is running for {}",
                          choice.worktree ? Printable(choice.worktree->path.native()) : ""),
                 "SANDBOX_NOT_FOUND"),
      "start one with: workmux sandbox shell");
}

bool SessionManager::IsOpen(const std::string& session_id) const {
  MutexLock lock(mu_);
  return !opening_.contains(session_id) && !closing_.contains(session_id) &&
         !ending_.contains(session_id);
}

void SessionManager::EndFor(const std::string& session_id, std::string_view why) {
  End(session_id, EndReason::kRevoked, why).IgnoreError();
}

absl::StatusOr<SandboxBackend*> SessionManager::BackendOf(const SessionRecord& record) const {
  const auto backend = deps_.backends.find(record.backend);
  if (backend != deps_.backends.end()) return backend->second;
  return Internal("backend {} is not part of this daemon", record.backend);
}

absl::Status SessionManager::EndSandbox(const std::string& name) {
  const absl::StatusOr<SessionRecord> record = Choose({.name = name, .worktree = std::nullopt});
  if (record.ok()) {
    if (const absl::Status stopped = StopSandbox(record->id); !stopped.ok())
      LogWarning("session", Format("stopping {}: {}", record->sandbox, MessageOf(stopped)));
    return End(record->id, EndReason::kRevoked, "the sandbox was stopped");
  }
  for (const auto& [backend_name, backend] : deps_.backends) {
    if (!backend->outlives_client()) continue;
    const auto existing = backend->List();
    if (!existing.ok()) continue;  // what it has stays
    for (const SandboxInfo& info : *existing) {
      if (info.name == name) return backend->Release(name);
    }
  }
  return record.status();
}

absl::StatusOr<ExecPlan> SessionManager::PlanLogs(const Caller& caller, const SandboxChoice& choice,
                                                  const LogsWanted& wanted) {
  WM_ASSIGN_OR_RETURN(const SessionRecord chosen, Choose(choice));
  WM_ASSIGN_OR_RETURN(SandboxBackend * backend, BackendOf(chosen));
  return backend->PlanLogs(chosen.sandbox, wanted, caller.env);
}

absl::StatusOr<ExecPlan> SessionManager::PlanAttach(const Caller& caller,
                                                    const SandboxChoice& choice,
                                                    const std::vector<std::string>& command,
                                                    bool tty) {
  WM_ASSIGN_OR_RETURN(const SessionRecord chosen, Choose(choice));
  WM_ASSIGN_OR_RETURN(SandboxBackend * backend, BackendOf(chosen));
  SandboxSpec spec;
  spec.name = chosen.sandbox;
  spec.session_id = chosen.id;
  spec.worktree = chosen.worktree.path;
  spec.cwd = chosen.cwd;
  // Whoever enters is who runs inside already; the default would be root.
  spec.uid = ::geteuid();
  spec.gid = ::getegid();
  spec.network = NetworkOf(chosen);
  return backend->PlanAttach(spec, command.empty() ? ShellCommand() : command, tty, caller.env);
}

}  // namespace workmux::daemon
