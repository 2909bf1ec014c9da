// How a running sandbox is found by what a person calls it, and ended so.

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "daemon/domain/session_manager.h"

namespace workmux::daemon {

// The newest that fits: by name or id, else of the worktree.
absl::StatusOr<SessionRecord> SessionManager::Choose(const std::string& name,
                                                     const Worktree* worktree) const {
  std::optional<SessionRecord> chosen;
  for (const SessionRecord& record : deps_.directory.All()) {
    const bool wanted = name.empty() ? worktree != nullptr && record.worktree.path == worktree->path
                                     : record.id == name || record.sandbox == name;
    if (wanted && (!chosen || record.started >= chosen->started)) chosen = record;
  }
  if (chosen) return *std::move(chosen);
  if (!name.empty()) {
    return WithHint(
        WithReason(NotFound("there is no sandbox '{}'", Printable(name)), "SANDBOX_NOT_FOUND"),
        "see the names with: workmux sandbox list");
  }
  return WithHint(WithReason(NotFound("no sandbox is running for {}",
                                      worktree == nullptr ? "" : worktree->path.string()),
                             "SANDBOX_NOT_FOUND"),
                  "start one with: workmux sandbox shell");
}

absl::Status SessionManager::EndGently(const SessionRecord& record, std::string_view why) {
  if (const absl::Status stopped = StopSandbox(record.id); !stopped.ok())
    LogWarning("session", Format("stopping {}: {}", record.sandbox, MessageOf(stopped)));
  return End(record.id, EndReason::kRevoked, why);
}

void SessionManager::EndFor(const std::string& session_id, std::string_view why) {
  End(session_id, EndReason::kRevoked, why).IgnoreError();
}

absl::Status SessionManager::EndSandbox(const std::string& name) {
  const absl::StatusOr<SessionRecord> record = Choose(name, nullptr);
  if (record.ok()) {
    return EndGently(*record, "the sandbox was stopped");
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

}  // namespace workmux::daemon
