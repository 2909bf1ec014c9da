#pragma once

#include "daemon/async/executor.h"
#include "daemon/domain/agent_queries.h"
#include "daemon/domain/agent_tracker.h"
#include "daemon/domain/config_gate.h"
#include "workmux/control/v1/agent.grpc.pb.h"

namespace workmux::daemon {

class AgentService : public workmux::control::v1::AgentService::CallbackService {
 public:
  AgentService(Executor& executor, AgentTracker& agents, AgentQueries& queries, Git& git, ConfigGate& config);

  grpc::ServerUnaryReactor* SetStatus(grpc::CallbackServerContext* context,
                                      const workmux::control::v1::SetStatusRequest* request,
                                      workmux::control::v1::SetStatusResponse* response) override;
  grpc::ServerUnaryReactor* ListAgents(grpc::CallbackServerContext* context,
                                       const workmux::control::v1::ListAgentsRequest* request,
                                       workmux::control::v1::ListAgentsResponse* response) override;
  grpc::ServerWriteReactor<workmux::control::v1::AgentEvent>* WatchAgents(
      grpc::CallbackServerContext* context, const workmux::control::v1::WatchAgentsRequest* request) override;

 private:
  absl::StatusOr<workmux::control::v1::SetStatusResponse> Apply(const Caller& caller, AgentStatus status);

  Executor& executor_;
  AgentTracker& agents_;
  AgentQueries& queries_;
  Git& git_;
  ConfigGate& config_;
};

}  // namespace workmux::daemon
