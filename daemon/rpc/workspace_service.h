#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/async/event_loop.h"
#include "daemon/async/executor.h"
#include "daemon/domain/agent_tracker.h"
#include "daemon/domain/config_gate.h"
#include "daemon/domain/session_manager.h"
#include "daemon/domain/worktree_manager.h"
#include "workmux/control/v1/workspace.grpc.pb.h"

namespace workmux::daemon {

class WorkspaceService : public workmux::control::v1::WorkspaceService::CallbackService {
 public:
  struct Deps {
    Executor& executor;
    EventLoop& loop;
    WorktreeManager& worktrees;
    SessionManager& sessions;
    SessionPlanner& planner;
    ImageManager& images;
    GitBoundary& boundary;
    AgentConfigs& agent_configs;
    AgentTracker& agents;
    Git& git;
    Multiplexers& multiplexers;
    ConfigGate& config;
  };
  explicit WorkspaceService(Deps deps);

  using Stream = grpc::ServerWriteReactor<workmux::control::v1::WorkspaceEvent>;
  using Context = grpc::CallbackServerContext;

  Stream* AddWorktree(Context* context,
                      const workmux::control::v1::AddWorktreeRequest* request) override;
  Stream* OpenWorktree(Context* context,
                       const workmux::control::v1::OpenWorktreeRequest* request) override;
  Stream* CloseWorktree(Context* context,
                        const workmux::control::v1::CloseWorktreeRequest* request) override;
  Stream* MergeWorktree(Context* context,
                        const workmux::control::v1::MergeWorktreeRequest* request) override;
  Stream* RemoveWorktree(Context* context,
                         const workmux::control::v1::RemoveWorktreeRequest* request) override;
  grpc::ServerUnaryReactor* InspectRemoval(
      Context* context, const workmux::control::v1::InspectRemovalRequest* request,
      workmux::control::v1::InspectRemovalResponse* response) override;
  grpc::ServerUnaryReactor* ListWorktrees(
      Context* context, const workmux::control::v1::ListWorktreesRequest* request,
      workmux::control::v1::ListWorktreesResponse* response) override;
  grpc::ServerUnaryReactor* FindWorktree(
      Context* context, const workmux::control::v1::FindWorktreeRequest* request,
      workmux::control::v1::FindWorktreeResponse* response) override;
  grpc::ServerUnaryReactor* ReviewConfig(
      Context* context, const workmux::control::v1::ReviewConfigRequest* request,
      workmux::control::v1::ReviewConfigResponse* response) override;
  grpc::ServerUnaryReactor* TrustConfig(
      Context* context, const workmux::control::v1::TrustConfigRequest* request,
      workmux::control::v1::TrustConfigResponse* response) override;

  // Kills at once what was to be killed a moment later; after the last call.
  void FinishKills();

 private:
  class Call;  // what one request stands on: caller, configuration, tmux
  template <class Request, class Body>
  Stream* RunStream(Context* context, const Request* request, Body body);

  struct Kill {
    std::shared_ptr<Multiplexer> multiplexer;
    std::vector<std::string> windows;
    std::unique_ptr<EventLoop::Registration> timer;
  };
  void RunKill(std::uint64_t id);
  // Everything that can be known to be missing, before a window is touched; an
  // official image that is not there is pulled.
  absl::Status CheckSandbox(Call& call, const std::string& agent, const std::string& backend);
  // The caller's own window goes only after the answer has had time to arrive.
  void KillLater(std::shared_ptr<Multiplexer> multiplexer, std::vector<std::string> windows);
  std::vector<workmux::control::v1::WorktreeEntry> WithStatuses(
      const std::vector<ListEntry>& entries);

  const Deps deps_;
  Mutex mu_;
  std::uint64_t next_kill_ WM_GUARDED_BY(mu_) = 0;
  std::map<std::uint64_t, Kill> kills_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
