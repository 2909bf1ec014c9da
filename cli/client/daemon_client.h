#pragma once

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <memory>

#include "cli/client/daemon_launcher.h"

namespace workmux::control::v1 {
class AddWorktreeRequest;
class AllowHostRequest;
class AllowHostResponse;
class BuildImageRequest;
class CloseWorktreeRequest;
class DiagnoseRequest;
class DiagnoseResponse;
class ExplainHostRequest;
class ExplainHostResponse;
class FindWorktreeRequest;
class FindWorktreeResponse;
class GetBuildTargetRequest;
class GetBuildTargetResponse;
class GetConfigReferenceResponse;
class GetDockerfileRequest;
class GetDockerfileResponse;
class GetInfoResponse;
class ImageEvent;
class InspectRemovalRequest;
class InspectRemovalResponse;
class InstallGuestRequest;
class ListAgentsRequest;
class ListAgentsResponse;
class ListAllowancesResponse;
class ListNetworkEventsRequest;
class ListNetworkEventsResponse;
class ListTunnelsRequest;
class ListTunnelsResponse;
class EndSandboxRequest;
class ListSessionsRequest;
class ListSessionsResponse;
class ListWorktreesRequest;
class ListWorktreesResponse;
class MergeWorktreeRequest;
class OpenWorktreeRequest;
class PlanAttachRequest;
class PlanAttachResponse;
class PlanLogsRequest;
class PruneSandboxesRequest;
class PruneSandboxesResponse;
class PullImageRequest;
class RemoveWorktreeRequest;
class ReviewConfigRequest;
class ReviewConfigResponse;
class ReloadNetworkRequest;
class ReloadNetworkResponse;
class RevokeHostRequest;
class RevokeHostResponse;
class SetStatusRequest;
class SetStatusResponse;
class ShutdownRequest;
class TrustConfigRequest;
class VerifySandboxRequest;
class VerifySandboxResponse;
class WorkspaceEvent;
class WorkspaceEvent_Result;
}  // namespace workmux::control::v1

namespace workmux::cli {

// The daemon's calls, without gRPC's headers. Connects at the first call and
// keeps the connection; every call blocks. Not thread-safe.
//
// A stream's events but the result go to `on_event`; SIGINT cancels it
// (kCancelled). Calls that change nothing are repeated once when the connection
// breaks under them.
class DaemonClient {
 public:
  using EventFn = absl::FunctionRef<void(const control::v1::WorkspaceEvent&)>;
  using Result = absl::StatusOr<control::v1::WorkspaceEvent_Result>;

  DaemonClient(const DaemonLauncher& launcher, StartPolicy policy);
  ~DaemonClient();
  DaemonClient(const DaemonClient&) = delete;
  DaemonClient& operator=(const DaemonClient&) = delete;

  Result AddWorktree(const control::v1::AddWorktreeRequest& request, EventFn on_event);
  Result OpenWorktree(const control::v1::OpenWorktreeRequest& request, EventFn on_event);
  Result CloseWorktree(const control::v1::CloseWorktreeRequest& request, EventFn on_event);
  Result MergeWorktree(const control::v1::MergeWorktreeRequest& request, EventFn on_event);
  Result RemoveWorktree(const control::v1::RemoveWorktreeRequest& request, EventFn on_event);

  absl::StatusOr<control::v1::InspectRemovalResponse> InspectRemoval(
      const control::v1::InspectRemovalRequest& request);
  absl::StatusOr<control::v1::ListWorktreesResponse> ListWorktrees(
      const control::v1::ListWorktreesRequest& request);
  absl::StatusOr<control::v1::FindWorktreeResponse> FindWorktree(
      const control::v1::FindWorktreeRequest& request);
  absl::StatusOr<control::v1::ReviewConfigResponse> ReviewConfig(
      const control::v1::ReviewConfigRequest& request);
  absl::Status TrustConfig(const control::v1::TrustConfigRequest& request);

  absl::StatusOr<control::v1::SetStatusResponse> SetStatus(
      const control::v1::SetStatusRequest& request);
  absl::StatusOr<control::v1::ListAgentsResponse> ListAgents(
      const control::v1::ListAgentsRequest& request);

  absl::StatusOr<control::v1::ListSessionsResponse> ListSessions(
      const control::v1::ListSessionsRequest& request);
  absl::Status EndSandbox(const control::v1::EndSandboxRequest& request);
  absl::StatusOr<control::v1::PruneSandboxesResponse> PruneSandboxes(
      const control::v1::PruneSandboxesRequest& request);
  absl::StatusOr<control::v1::VerifySandboxResponse> VerifySandbox(
      const control::v1::VerifySandboxRequest& request);
  absl::StatusOr<control::v1::PlanAttachResponse> PlanLogs(
      const control::v1::PlanLogsRequest& request);

  absl::StatusOr<control::v1::GetInfoResponse> GetInfo();
  absl::Status Shutdown(const control::v1::ShutdownRequest& request);
  absl::StatusOr<control::v1::DiagnoseResponse> Diagnose(
      const control::v1::DiagnoseRequest& request);
  absl::StatusOr<control::v1::GetConfigReferenceResponse> GetConfigReference();

  using ImageEventFn = absl::FunctionRef<void(const control::v1::ImageEvent&)>;
  absl::Status PullImage(const control::v1::PullImageRequest& request, ImageEventFn on_event);
  absl::Status BuildImage(const control::v1::BuildImageRequest& request, ImageEventFn on_event);
  absl::Status InstallGuest(const control::v1::InstallGuestRequest& request, ImageEventFn on_event);
  absl::StatusOr<control::v1::GetBuildTargetResponse> GetBuildTarget(
      const control::v1::GetBuildTargetRequest& request);
  absl::StatusOr<control::v1::GetDockerfileResponse> GetDockerfile(
      const control::v1::GetDockerfileRequest& request);
  absl::StatusOr<control::v1::ListNetworkEventsResponse> ListNetworkEvents(
      const control::v1::ListNetworkEventsRequest& request);
  absl::StatusOr<control::v1::ListTunnelsResponse> ListTunnels(
      const control::v1::ListTunnelsRequest& request);
  absl::StatusOr<control::v1::ExplainHostResponse> ExplainHost(
      const control::v1::ExplainHostRequest& request);
  absl::StatusOr<control::v1::ListAllowancesResponse> ListAllowances();
  absl::StatusOr<control::v1::AllowHostResponse> AllowHost(
      const control::v1::AllowHostRequest& request);
  absl::StatusOr<control::v1::RevokeHostResponse> RevokeHost(
      const control::v1::RevokeHostRequest& request);
  absl::StatusOr<control::v1::ReloadNetworkResponse> ReloadNetwork(
      const control::v1::ReloadNetworkRequest& request);

  absl::StatusOr<control::v1::PlanAttachResponse> PlanAttach(
      const control::v1::PlanAttachRequest& request);

 private:
  class Connection;
  std::unique_ptr<Connection> connection_;
};

}  // namespace workmux::cli
