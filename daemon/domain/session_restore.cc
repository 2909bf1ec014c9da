// How sessions come back after a start of the daemon.

#include <algorithm>
#include <chrono>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "daemon/domain/session_manager.h"

namespace workmux::daemon {
namespace {

void LogFailure(std::string_view what, const absl::Status& status) {
  if (!status.ok()) LogWarning("session", Format("{}: {}", what, MessageOf(status)));
}

}  // namespace

absl::Status SessionManager::Restore() {
  WM_ASSIGN_OR_RETURN(const std::vector<SessionRecord> records, deps_.records.LoadSessions());
  for (const SessionRecord& record : records) {
    deps_.directory.Put(record);
    ReopenEndpoints(record);
    if (record.git == "clone") {
      LogFailure("watching a branch", deps_.git.Watch(record.worktree));
      deps_.executor.Post([this, worktree = record.worktree] {
        LogFailure("taking the branch", deps_.git.Import(worktree, {}));
      });
    }
    deps_.agent_configs.Watch(record.worktree);
    LogFailure("watching masked files", GuardMasks(record));
    WatchClient(record);
  }
  deps_.executor.Post([this, records] { RemoveOrphans(records); });
  return absl::OkStatus();
}

absl::Status SessionManager::GuardMasks(const SessionRecord& record) {
  if (record.masks.empty()) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(std::unique_ptr<MaskGuard> guard,
                      MaskGuard::Watch(deps_.loop, deps_.executor, record.masks,
                                       [this, id = record.id](const std::filesystem::path& path) {
                                         MaskLost(id, path);
                                       }));
  MutexLock lock(mu_);
  if (!shutting_down_) guards_[record.id] = std::move(guard);
  return absl::OkStatus();
}

void SessionManager::DropGuard(const std::string& session_id) {
  std::unique_ptr<MaskGuard> guard;
  MutexLock lock(mu_);
  if (const auto found = guards_.find(session_id); found != guards_.end()) {
    guard = std::move(found->second);
    guards_.erase(found);
  }
  // Freed on a worker: it waits for the loop.
  if (guard) {
    auto shared = std::make_shared<std::unique_ptr<MaskGuard>>(std::move(guard));
    deps_.executor.Post([shared] { shared->reset(); });
  }
}

// What the host puts in the file's place is open to the sandbox from now on. Halted
// at once and not asked to end, so that no process of it runs another time.
void SessionManager::MaskLost(const std::string& session_id, const std::filesystem::path& path) {
  const auto record = deps_.directory.Find(session_id);
  if (!record) return;
  const std::string told =
      Format("{} was replaced on the host, which takes its mask away: the sandbox was stopped",
             Printable(path.native()));
  // The client hears why before its program dies, or it would tell of that alone.
  Revoke revoke;
  {
    MutexLock lock(mu_);
    if (const auto lease = leases_.find(session_id); lease != leases_.end())
      revoke.swap(lease->second);
  }
  if (revoke) revoke(Cancelled("{}", told));
  const auto backend = deps_.backends.find(record->backend);
  if (backend != deps_.backends.end())
    LogFailure("halting " + record->sandbox, backend->second->Halt(record->sandbox));
  LogWarning("session", Format("{}: {}", session_id, told));
  End(session_id, EndReason::kRevoked, told).IgnoreError();
}

// Replaces the session's wait; null: by none. While the daemon stops nothing is
// waited for.
void SessionManager::SetWait(const std::string& session_id, Wait wait) {
  MutexLock lock(mu_);
  const bool remove = wait == nullptr;
  if (!shutting_down_) wait.swap(waits_[session_id]);
  if (remove) waits_.erase(session_id);
  // What was replaced is freed on a worker: it waits for the loop.
  auto replaced = std::make_shared<Wait>(std::move(wait));
  if (*replaced) deps_.executor.Post([replaced] { replaced->reset(); });
}

// A client that lives keeps its sandbox for as long as it lives, leased or not;
// one that is gone gets a short while to be replaced by a resume.
void SessionManager::WatchClient(const SessionRecord& record) {
  const auto look_again = [this, record] {
    deps_.executor.Post([this, record] { EndUnlessClaimed(record); });
  };
  auto process = OpenProcess(record.client);
  SetWait(record.id, process.ok() ? deps_.loop.WhenReadable(*std::move(process), look_again)
                                  : deps_.loop.After(deps_.unclaimed_grace, look_again));
}

void SessionManager::EndUnlessClaimed(const SessionRecord& record) {
  {
    MutexLock lock(mu_);
    if (shutting_down_ || leases_.contains(record.id)) return;
  }
  // Not being able to tell (no descriptor is free, say) is no proof of its end.
  if (!absl::IsNotFound(OpenProcess(record.client).status())) return WatchClient(record);
  End(record.id, EndReason::kLeaseLost).IgnoreError();
}

void SessionManager::RemoveOrphans(const std::vector<SessionRecord>& known) {
  for (const auto& [name, backend] : deps_.backends) {
    if (!backend->outlives_client()) continue;
    const bool used = std::any_of(known.begin(), known.end(), [&](const SessionRecord& record) {
      return record.backend == backend->name();
    });
    if (!used && !deps_.looks_for_orphans(name)) continue;
    const auto existing = backend->List();
    if (!existing.ok()) continue;  // an engine that is away is asked at the next start
    std::vector<std::string> orphans;
    for (const SandboxInfo& sandbox : *existing) {
      bool mine = false;
      for (const SessionRecord& record : known) mine = mine || record.id == sandbox.session_id;
      mine = mine || deps_.directory.Find(sandbox.session_id).has_value();
      if (!mine) orphans.push_back(sandbox.name);
    }
    if (orphans.empty()) continue;
    LogFailure("removing orphans", backend->ReleaseAll(orphans));
    LogInfo("session", Format("{}: {} orphans", name, orphans.size()));
  }
}

}  // namespace workmux::daemon
