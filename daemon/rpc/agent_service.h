#pragma once

#include <memory>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/async/executor.h"
#include "daemon/domain/agent_queries.h"
#include "daemon/domain/agent_tracker.h"
#include "daemon/domain/blocked_requests.h"
#include "daemon/domain/config_gate.h"
#include "daemon/domain/session_directory.h"
#include "daemon/rpc/stream_call.h"
#include "workmux/control/v1/agent.grpc.pb.h"

namespace workmux::daemon {

class AgentService : public workmux::control::v1::AgentService::CallbackService {
 public:
  struct Deps {
    Executor& executor;
    AgentTracker& agents;
    AgentQueries& queries;
    Git& git;
    ConfigGate& config;
    BlockedRequests& blocked;
    const SessionDirectory& directory;
  };
  explicit AgentService(Deps deps) : deps_(deps) {}

  grpc::ServerUnaryReactor* SetStatus(grpc::CallbackServerContext* context,
                                      const workmux::control::v1::SetStatusRequest* request,
                                      workmux::control::v1::SetStatusResponse* response) override;
  grpc::ServerUnaryReactor* ListAgents(grpc::CallbackServerContext* context,
                                       const workmux::control::v1::ListAgentsRequest* request,
                                       workmux::control::v1::ListAgentsResponse* response) override;
  grpc::ServerWriteReactor<workmux::control::v1::AgentEvent>* WatchAgents(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::WatchAgentsRequest* request) override;

  // Ends the watches, now and those that come: they have no end of their own and
  // would keep a server that stops waiting.
  void EndWatches();

 private:
  using Watch = StreamCall<workmux::control::v1::AgentEvent>;

  bool Keep(const std::shared_ptr<Watch>& watch);
  absl::StatusOr<workmux::control::v1::SetStatusResponse> Apply(const Caller& caller,
                                                                AgentStatus status);

  // What a stream is told until it is lost.
  struct Subscriptions {
    std::unique_ptr<AgentTracker::Subscription> agents;
    std::unique_ptr<BlockedRequests::Subscription> blocked;
  };
  Subscriptions Subscribe(const std::weak_ptr<Watch>& weak,
                          const std::shared_ptr<std::atomic<std::uint64_t>>& sequence);
  void AddBlocked(workmux::control::v1::Agent& agent) const;

  const Deps deps_;

  Mutex mu_;
  std::vector<std::weak_ptr<Watch>> watches_ WM_GUARDED_BY(mu_);
  bool stopping_ WM_GUARDED_BY(mu_) = false;
};

}  // namespace workmux::daemon
