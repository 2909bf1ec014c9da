#pragma once

#include <functional>
#include <string>

#include "daemon/async/executor.h"
#include "daemon/domain/sandbox_check.h"
#include "daemon/domain/sandbox_inventory.h"
#include "daemon/domain/session_manager.h"
#include "workmux/control/v1/sandbox.grpc.pb.h"

namespace workmux::daemon {

class SandboxService : public workmux::control::v1::SandboxService::CallbackService {
 public:
  struct Deps {
    Executor& executor;
    SessionManager& sessions;
    SessionDirectory& directory;
    const SandboxBackends& backends;
    std::function<std::string()> default_runtime;  // SessionPlanner::Deps
    // The image that sandboxes of this caller would be made from.
    std::function<absl::StatusOr<ImageChoice>(const Caller&)> choose_image;
    Git& git;
    SandboxCheck& check;
  };
  explicit SandboxService(Deps deps);

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
  grpc::ServerUnaryReactor* EndSandbox(grpc::CallbackServerContext* context,
                                       const workmux::control::v1::EndSandboxRequest* request,
                                       workmux::control::v1::EndSandboxResponse* response) override;
  grpc::ServerUnaryReactor* PruneSandboxes(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::PruneSandboxesRequest* request,
      workmux::control::v1::PruneSandboxesResponse* response) override;
  grpc::ServerUnaryReactor* VerifySandbox(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::VerifySandboxRequest* request,
      workmux::control::v1::VerifySandboxResponse* response) override;
  grpc::ServerUnaryReactor* PlanLogs(grpc::CallbackServerContext* context,
                                     const workmux::control::v1::PlanLogsRequest* request,
                                     workmux::control::v1::PlanAttachResponse* response) override;

 private:
  SandboxInventory Inventory(bool usage);
  // The sandbox of that name, else the newest of the worktree the caller is in.
  absl::StatusOr<SessionManager::SandboxChoice> ChoiceOf(const Caller& caller,
                                                         const std::string& name);
  // Answers with what `plan` makes of the caller and the chosen sandbox.
  template <class Request, class Plan>
  grpc::ServerUnaryReactor* PlanFor(grpc::CallbackServerContext* context, const Request* request,
                                    const std::string& name,
                                    workmux::control::v1::PlanAttachResponse* response, Plan plan);

  const Deps deps_;
};

}  // namespace workmux::daemon
