#pragma once

#include "daemon/async/executor.h"
#include "daemon/domain/session_manager.h"
#include "workmux/control/v1/sandbox.grpc.pb.h"

namespace workmux::daemon {

class SandboxService : public workmux::control::v1::SandboxService::CallbackService {
 public:
  SandboxService(Executor& executor, SessionManager& sessions, SessionDirectory& directory,
                 Git& git);

  grpc::ServerWriteReactor<workmux::control::v1::OpenSessionEvent>* OpenSession(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::OpenSessionRequest* request) override;
  grpc::ServerWriteReactor<workmux::control::v1::OpenSessionEvent>* ResumeSession(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::ResumeSessionRequest* request) override;
  grpc::ServerUnaryReactor* CloseSession(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::CloseSessionRequest* request,
      workmux::control::v1::CloseSessionResponse* response) override;
  grpc::ServerUnaryReactor* StopSession(
      grpc::CallbackServerContext* context, const workmux::control::v1::StopSessionRequest* request,
      workmux::control::v1::StopSessionResponse* response) override;
  grpc::ServerUnaryReactor* ListSessions(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::ListSessionsRequest* request,
      workmux::control::v1::ListSessionsResponse* response) override;
  grpc::ServerUnaryReactor* PlanAttach(grpc::CallbackServerContext* context,
                                       const workmux::control::v1::PlanAttachRequest* request,
                                       workmux::control::v1::PlanAttachResponse* response) override;

 private:
  Executor& executor_;
  SessionManager& sessions_;
  SessionDirectory& directory_;
  Git& git_;
};

}  // namespace workmux::daemon
