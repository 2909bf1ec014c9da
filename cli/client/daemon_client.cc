#include "cli/client/daemon_client.h"

#include <chrono>
#include <optional>

#include "cli/client/channel.h"
#include "cli/client/interrupt.h"
#include "cli/client/rpc_error.h"
#include "common/base/status.h"
#include "workmux/control/v1/agent.grpc.pb.h"
#include "workmux/control/v1/daemon.grpc.pb.h"
#include "workmux/control/v1/image.grpc.pb.h"
#include "workmux/control/v1/network.grpc.pb.h"
#include "workmux/control/v1/sandbox.grpc.pb.h"
#include "workmux/control/v1/workspace.grpc.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;
using std::chrono::seconds;
using Agents = pb::AgentService::Stub;
using Daemons = pb::DaemonService::Stub;
using Images = pb::ImageService::Stub;
using Networks = pb::NetworkService::Stub;
using Sandboxes = pb::SandboxService::Stub;
using Workspaces = pb::WorkspaceService::Stub;

// Those that answer from memory. Others take as long as git or an engine does.
constexpr seconds kShort{5};
constexpr seconds kUnlimited{0};

}  // namespace

class DaemonClient::Connection {
 public:
  Connection(const DaemonLauncher& launcher, StartPolicy policy)
      : launcher_(launcher), policy_(policy) {}

  template <class Stub, class Request, class Response>
  absl::StatusOr<Response> Ask(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                            Response*),
                               const Request& request, seconds limit = kUnlimited) {
    auto answer = AskOnce(method, request, limit);
    // A daemon that is going away accepts and then closes.
    if (!absl::IsUnavailable(answer.status()) || !ReasonOf(answer.status()).empty()) return answer;
    channel_.reset();
    return AskOnce(method, request, limit);
  }

  template <class Stub, class Request, class Response>
  absl::StatusOr<Response> AskOnce(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                const Request&, Response*),
                                   const Request& request, seconds limit = kUnlimited) {
    WM_RETURN_IF_ERROR(Connect());
    grpc::ClientContext context;
    AddClientMetadata(context);
    if (limit != kUnlimited) context.set_deadline(std::chrono::system_clock::now() + limit);
    Response response;
    Stub stub(channel_);
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return FromDaemon(status);
    return response;
  }

  // Reads a stream to its end; an interrupt cancels it.
  template <class Stub, class Request, class Event, class Handle>
  absl::Status Read(std::unique_ptr<grpc::ClientReader<Event>> (Stub::*method)(grpc::ClientContext*,
                                                                               const Request&),
                    const Request& request, Handle handle) {
    WM_RETURN_IF_ERROR(Connect());
    grpc::ClientContext context;
    AddClientMetadata(context);
    Interrupt interrupt([&context] { context.TryCancel(); });
    Stub stub(channel_);
    const auto reader = (stub.*method)(&context, request);
    Event event;
    while (reader->Read(&event)) handle(event);
    const grpc::Status status = reader->Finish();
    return status.ok() ? absl::OkStatus() : FromDaemon(status);
  }

  template <class Request>
  Result Follow(std::unique_ptr<grpc::ClientReader<pb::WorkspaceEvent>> (Workspaces::*method)(
                    grpc::ClientContext*, const Request&),
                const Request& request, EventFn on_event) {
    std::optional<pb::WorkspaceEvent::Result> result;
    WM_RETURN_IF_ERROR(Read(method, request, [&](const pb::WorkspaceEvent& event) {
      if (event.has_result()) {
        result = event.result();
      } else {
        on_event(event);
      }
    }));
    if (!result) return Internal("the daemon ended the call without a result");
    return *std::move(result);
  }

 private:
  absl::Status Connect() {
    if (channel_ != nullptr) return absl::OkStatus();
    WM_ASSIGN_OR_RETURN(UniqueFd socket, launcher_.Connect(policy_));
    channel_ = MakeChannel(std::move(socket));
    return absl::OkStatus();
  }

  const DaemonLauncher& launcher_;
  StartPolicy policy_;
  std::shared_ptr<grpc::Channel> channel_;
};

DaemonClient::DaemonClient(const DaemonLauncher& launcher, StartPolicy policy)
    : connection_(std::make_unique<Connection>(launcher, policy)) {}
DaemonClient::~DaemonClient() = default;

DaemonClient::Result DaemonClient::AddWorktree(const pb::AddWorktreeRequest& request,
                                               EventFn on_event) {
  return connection_->Follow(&Workspaces::AddWorktree, request, on_event);
}
DaemonClient::Result DaemonClient::OpenWorktree(const pb::OpenWorktreeRequest& request,
                                                EventFn on_event) {
  return connection_->Follow(&Workspaces::OpenWorktree, request, on_event);
}
DaemonClient::Result DaemonClient::CloseWorktree(const pb::CloseWorktreeRequest& request,
                                                 EventFn on_event) {
  return connection_->Follow(&Workspaces::CloseWorktree, request, on_event);
}
DaemonClient::Result DaemonClient::MergeWorktree(const pb::MergeWorktreeRequest& request,
                                                 EventFn on_event) {
  return connection_->Follow(&Workspaces::MergeWorktree, request, on_event);
}
DaemonClient::Result DaemonClient::RemoveWorktree(const pb::RemoveWorktreeRequest& request,
                                                  EventFn on_event) {
  return connection_->Follow(&Workspaces::RemoveWorktree, request, on_event);
}

absl::StatusOr<pb::InspectRemovalResponse> DaemonClient::InspectRemoval(
    const pb::InspectRemovalRequest& request) {
  return connection_->Ask(&Workspaces::InspectRemoval, request);
}
absl::StatusOr<pb::ListWorktreesResponse> DaemonClient::ListWorktrees(
    const pb::ListWorktreesRequest& request) {
  return connection_->Ask(&Workspaces::ListWorktrees, request);
}
absl::StatusOr<pb::FindWorktreeResponse> DaemonClient::FindWorktree(
    const pb::FindWorktreeRequest& request) {
  return connection_->Ask(&Workspaces::FindWorktree, request);
}
absl::StatusOr<pb::ReviewConfigResponse> DaemonClient::ReviewConfig(
    const pb::ReviewConfigRequest& request) {
  return connection_->Ask(&Workspaces::ReviewConfig, request);
}
absl::Status DaemonClient::TrustConfig(const pb::TrustConfigRequest& request) {
  return connection_->AskOnce(&Workspaces::TrustConfig, request).status();
}

// Saying a status twice is saying it once.
absl::StatusOr<pb::SetStatusResponse> DaemonClient::SetStatus(const pb::SetStatusRequest& request) {
  return connection_->Ask(&Agents::SetStatus, request, kShort);
}
absl::StatusOr<pb::ListAgentsResponse> DaemonClient::ListAgents(
    const pb::ListAgentsRequest& request) {
  return connection_->Ask(&Agents::ListAgents, request);
}

absl::StatusOr<pb::GetInfoResponse> DaemonClient::GetInfo() {
  return connection_->Ask(&Daemons::GetInfo, pb::GetInfoRequest(), kShort);
}
absl::Status DaemonClient::Shutdown(const pb::ShutdownRequest& request) {
  return connection_->AskOnce(&Daemons::Shutdown, request).status();
}
absl::StatusOr<pb::DiagnoseResponse> DaemonClient::Diagnose(const pb::DiagnoseRequest& request) {
  return connection_->Ask(&Daemons::Diagnose, request);
}
absl::StatusOr<pb::GetConfigReferenceResponse> DaemonClient::GetConfigReference() {
  return connection_->Ask(&Daemons::GetConfigReference, pb::GetConfigReferenceRequest(), kShort);
}

absl::Status DaemonClient::PullImage(const pb::PullImageRequest& request, ImageEventFn on_event) {
  return connection_->Read(&Images::PullImage, request, on_event);
}
absl::Status DaemonClient::BuildImage(const pb::BuildImageRequest& request, ImageEventFn on_event) {
  return connection_->Read(&Images::BuildImage, request, on_event);
}
absl::Status DaemonClient::InstallGuest(const pb::InstallGuestRequest& request,
                                        ImageEventFn on_event) {
  return connection_->Read(&Images::InstallGuest, request, on_event);
}
absl::StatusOr<pb::GetBuildTargetResponse> DaemonClient::GetBuildTarget(
    const pb::GetBuildTargetRequest& request) {
  return connection_->Ask(&Images::GetBuildTarget, request);
}
absl::StatusOr<pb::GetDockerfileResponse> DaemonClient::GetDockerfile(
    const pb::GetDockerfileRequest& request) {
  return connection_->Ask(&Images::GetDockerfile, request, kShort);
}

absl::StatusOr<pb::ListNetworkEventsResponse> DaemonClient::ListNetworkEvents(
    const pb::ListNetworkEventsRequest& request) {
  return connection_->Ask(&Networks::ListNetworkEvents, request);
}
absl::StatusOr<pb::ListTunnelsResponse> DaemonClient::ListTunnels(
    const pb::ListTunnelsRequest& request) {
  return connection_->Ask(&Networks::ListTunnels, request, kShort);
}
absl::StatusOr<pb::ExplainHostResponse> DaemonClient::ExplainHost(
    const pb::ExplainHostRequest& request) {
  return connection_->Ask(&Networks::ExplainHost, request);
}
absl::StatusOr<pb::ListAllowancesResponse> DaemonClient::ListAllowances() {
  return connection_->Ask(&Networks::ListAllowances, pb::ListAllowancesRequest(), kShort);
}
absl::StatusOr<pb::AllowHostResponse> DaemonClient::AllowHost(const pb::AllowHostRequest& request) {
  return connection_->AskOnce(&Networks::AllowHost, request);
}
absl::StatusOr<pb::RevokeHostResponse> DaemonClient::RevokeHost(
    const pb::RevokeHostRequest& request) {
  return connection_->AskOnce(&Networks::RevokeHost, request);
}

absl::StatusOr<pb::ReloadNetworkResponse> DaemonClient::ReloadNetwork(
    const pb::ReloadNetworkRequest& request) {
  return connection_->AskOnce(&Networks::ReloadNetwork, request);
}

absl::StatusOr<pb::ListSessionsResponse> DaemonClient::ListSessions(
    const pb::ListSessionsRequest& request) {
  return connection_->Ask(&Sandboxes::ListSessions, request);
}
absl::Status DaemonClient::EndSandbox(const pb::EndSandboxRequest& request) {
  return connection_->AskOnce(&Sandboxes::EndSandbox, request).status();
}
absl::StatusOr<pb::VerifySandboxResponse> DaemonClient::VerifySandbox(
    const pb::VerifySandboxRequest& request) {
  return connection_->AskOnce(&Sandboxes::VerifySandbox, request);
}
absl::StatusOr<pb::PruneSandboxesResponse> DaemonClient::PruneSandboxes(
    const pb::PruneSandboxesRequest& request) {
  return connection_->AskOnce(&Sandboxes::PruneSandboxes, request);
}
absl::StatusOr<pb::PlanAttachResponse> DaemonClient::PlanLogs(const pb::PlanLogsRequest& request) {
  return connection_->Ask(&Sandboxes::PlanLogs, request);
}
absl::StatusOr<pb::PlanAttachResponse> DaemonClient::PlanAttach(
    const pb::PlanAttachRequest& request) {
  return connection_->Ask(&Sandboxes::PlanAttach, request);
}

}  // namespace workmux::cli
