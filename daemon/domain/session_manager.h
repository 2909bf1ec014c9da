#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/base/mutex.h"
#include "daemon/async/event_loop.h"
#include "daemon/async/executor.h"
#include "daemon/domain/agent_tracker.h"
#include "daemon/domain/config_gate.h"
#include "daemon/domain/image_manager.h"
#include "daemon/domain/mask_guard.h"
#include "daemon/domain/mount_sources.h"
#include "daemon/domain/progress.h"
#include "daemon/domain/sandbox_check.h"
#include "daemon/domain/session_directory.h"
#include "daemon/domain/session_planner.h"
#include "daemon/domain/worktree_claims.h"
#include "daemon/ports/agent_configs.h"
#include "daemon/ports/bridge_listeners.h"
#include "daemon/ports/egress_gateway.h"
#include "daemon/ports/firewall_gates.h"
#include "daemon/ports/git_boundary.h"
#include "daemon/ports/records.h"

namespace workmux::daemon {

// Opens, keeps and ends sandbox sessions. The client's open stream is the lease:
// when it goes, the sandbox ends; when the daemon goes, the sandbox stays and
// the lease resumes. Thread-safe; work on one session is serialised by its state.
class SessionManager {
 public:
  struct Deps {
    SessionPlanner& planner;
    GitBoundary& git;
    AgentConfigs& agent_configs;
    BridgeListeners& bridge;
    EgressGateway& egress;
    FirewallGates& gates;
    AgentTracker& agents;
    Multiplexers& multiplexers;
    SessionDirectory& directory;
    SessionRecords& records;
    ConfigGate& trust;
    ImageManager& images;
    const SandboxBackends& backends;
    EventLoop& loop;
    Executor& executor;
    std::filesystem::path runtime_dir;
    std::filesystem::path guest_dir;
    std::string instance;           // SandboxSpec::instance
    SandboxCheck* check = nullptr;  // none: sandboxes are not verified
    // Whether a backend without a session on record is asked for orphans at the start.
    std::function<bool(const std::string& backend)> looks_for_orphans = [](const std::string&) {
      return true;
    };
    std::function<absl::StatusOr<MountSources>(std::span<const Mount>)> record_sources =
        &MountSources::Record;
    // A client that died together with the daemon gets this long to come back.
    std::chrono::milliseconds unclaimed_grace = std::chrono::seconds(30);
  };
  explicit SessionManager(Deps deps);
  ~SessionManager();

  struct Opened {
    std::string session_id;
    ExecPlan plan;
    std::string backend;
  };
  // On an error everything made so far is undone, in reverse. kUnavailable while
  // the daemon stops.
  absl::StatusOr<Opened> Open(const SessionRequest& request, ProgressSink& progress,
                              std::stop_token stop);

  // `revoke` is called at most once, from any thread: with OK after a close, with
  // kUnavailable when the daemon stops and the sandbox lives on, with another
  // error when the daemon ended the sandbox. kNotFound for an unknown session,
  // kAborted when it is leased, kUnavailable while the daemon stops.
  using Revoke = std::function<void(const absl::Status& why)>;
  absl::Status Lease(const std::string& session_id, Revoke revoke);
  // The client is gone without a word: its sandbox ends.
  void LeaseLost(const std::string& session_id);

  // The command ended. Takes the branch, then lets the sandbox be removed.
  absl::StatusOr<SandboxExit> Close(const std::string& session_id, ExitStatus exit);
  // Ends the sandbox's processes; the client sees its command end.
  absl::Status StopSandbox(const std::string& session_id);

  // Which sandbox a person means: the one of that name or session, else the newest
  // of the worktree.
  struct SandboxChoice {
    std::string name;
    std::optional<Worktree> worktree;
  };
  // Without a name only one that runs. SANDBOX_NOT_FOUND.
  absl::StatusOr<SessionRecord> Choose(const SandboxChoice& choice) const;
  // A command in a running sandbox; empty: a shell. SANDBOX_NOT_FOUND.
  absl::StatusOr<ExecPlan> PlanAttach(const Caller& caller, const SandboxChoice& choice,
                                      const std::vector<std::string>& command, bool tty);
  // The log of a sandbox. SANDBOX_NOT_FOUND.
  absl::StatusOr<ExecPlan> PlanLogs(const Caller& caller, const SandboxChoice& choice,
                                    const LogsWanted& wanted);
  // Ends a session's sandbox; its client hears why.
  void EndFor(const std::string& session_id, std::string_view why);
  // Ends a sandbox by its name or its session's id, an orphan too. SANDBOX_NOT_FOUND.
  absl::Status EndSandbox(const std::string& name);

  // After a start: sessions on record get their sockets back and wait for their
  // client; what nobody claims is removed.
  absl::Status Restore();
  // From now on a lost lease is ours, not the client's: nothing ends.
  void BeginShutdown();
  // Ends every sandbox (daemon stop --sandboxes); no other can be opened then.
  void EndAll();
  // While the claim lives no sandbox of this worktree is opened. Taken before
  // EndWorktree, kept until the worktree is gone.
  WorktreeClaims::Claim Claim(const Worktree& worktree) { return claims_.Take(worktree.path); }
  // For a worktree that is to be made at `place`, kept until git knows it: no
  // sandbox that could write there is opened meanwhile. kFailedPrecondition
  // (WORKTREE_EXPOSED) when one runs or is being opened.
  absl::StatusOr<WorktreeClaims::Claim> ReservePlace(const std::filesystem::path& place);
  // Ends the sandboxes of a worktree and takes its branch; before it is removed.
  // kAborted (SANDBOX_BUSY) while one is being opened. After an error a sandbox
  // may still be running.
  absl::Status EndWorktree(const Worktree& worktree);

  bool IsLeased(const std::string& session_id) const;

 private:
  enum class EndReason { kClosed, kLeaseLost, kRevoked };
  using Wait = std::unique_ptr<EventLoop::Registration>;
  // What the sandbox has of its own in place of the host's.
  struct OwnMounts {
    std::vector<Mount> git;
    std::vector<Mount> agent;
  };
  struct Opening {
    SandboxArea area;
    bool doomed = false;  // ended before it was ready: Open undoes it
  };

  bool IsOpen(const std::string& session_id) const;
  absl::StatusOr<SandboxBackend*> BackendOf(const SessionRecord& record) const;
  absl::StatusOr<std::optional<PaneRef>> PaneOf(const Caller& caller);
  absl::StatusOr<SandboxSpec> OpenEndpoints(const SessionPlan& plan, const SessionRequest& request,
                                            OwnMounts own, SessionRecord& record);
  absl::Status OpenBridge(const SessionPlan& plan, const Env& caller, SessionRecord& record,
                          SessionPlanner::Endpoints& endpoints);
  absl::Status OpenProxy(const SessionPlan& plan, SessionRecord& record,
                         SessionPlanner::Endpoints& endpoints);
  absl::Status OpenGate(SandboxBackend& backend, const SandboxSpec& spec,
                        const SessionRecord& record);
  void ReopenEndpoints(const SessionRecord& record);
  void CloseEndpoints(const std::string& session_id);
  absl::StatusOr<SessionPlan> BeginOpening(const SessionRequest& request);
  void CancelOpening(const std::string& session_id);
  absl::Status FinishOpening(const std::string& session_id);
  // OK also when there is nothing to end. When the sandbox cannot be removed the
  // session stays, without its lease, and is tried again later.
  absl::Status End(const std::string& session_id, EndReason reason,
                   std::string_view told = "the daemon ended the sandbox");
  absl::Status GuardMasks(const SessionRecord& record);
  void MaskLost(const std::string& session_id, const std::filesystem::path& path);
  void DropGuard(const std::string& session_id);
  bool ClaimEnd(const std::string& session_id, Revoke& revoke);
  void ReleaseEnd(const std::string& session_id);
  absl::Status RemoveSandbox(const SessionRecord& record);
  absl::Status TakeLease(const std::string& session_id, Revoke revoke);
  void SetWait(const std::string& session_id, Wait wait);
  void WatchClient(const SessionRecord& record);
  void EndUnlessClaimed(const SessionRecord& record);
  void RemoveOrphans(const std::vector<SessionRecord>& known);

  const Deps deps_;

  WorktreeClaims claims_;
  mutable Mutex mu_;
  std::map<std::string, Revoke> leases_ WM_GUARDED_BY(mu_);
  std::map<std::string, Opening> opening_ WM_GUARDED_BY(mu_);
  std::set<std::string> ending_ WM_GUARDED_BY(mu_);
  std::set<std::string> closing_ WM_GUARDED_BY(mu_);  // their command has ended
  CondVar ended_;
  std::map<std::string, Wait> waits_ WM_GUARDED_BY(mu_);
  std::map<std::string, std::unique_ptr<MaskGuard>> guards_ WM_GUARDED_BY(mu_);
  bool closed_ WM_GUARDED_BY(mu_) = false;  // opens nothing any more
  bool shutting_down_ WM_GUARDED_BY(mu_) = false;
};

}  // namespace workmux::daemon
