#include "daemon/rpc/sandbox_service.h"

#include "daemon/rpc/convert.h"
#include "daemon/rpc/stream_progress.h"
#include "daemon/rpc/unary_call.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::control::v1;
using Stream = StreamCall<pb::OpenSessionEvent>;

SessionPurpose FromWire(pb::SessionPurpose purpose) {
  if (purpose == pb::SESSION_PURPOSE_AGENT) return SessionPurpose::kAgent;
  if (purpose == pb::SESSION_PURPOSE_SHELL) return SessionPurpose::kShell;
  return SessionPurpose::kRun;
}

SessionRequest FromWire(const pb::OpenSessionRequest& wire) {
  SessionRequest request;
  request.caller = workmux::daemon::FromWire(wire.context());
  request.worktree = wire.worktree();
  request.purpose = FromWire(wire.purpose());
  request.command.assign(wire.command().begin(), wire.command().end());
  request.shell_command = wire.shell_command();
  request.agent = wire.agent();
  request.backend = wire.backend();
  request.image = wire.image();
  request.tty = wire.tty();
  request.rows = wire.rows();
  request.columns = wire.columns();
  request.client_pid = wire.client_pid();
  return request;
}

// Holds the lease for as long as the stream lives.
void HoldLease(SessionManager& sessions, const std::string& session_id,
               const std::shared_ptr<Stream>& stream, std::optional<ExecPlan> plan,
               const std::string& backend) {
  std::weak_ptr<Stream> weak = stream;
  const absl::Status leased = sessions.Lease(session_id, [weak](const absl::Status& why) {
    const auto live = weak.lock();
    if (!live) return;
    if (why.code() == absl::StatusCode::kUnavailable) return live->End(why);
    if (!why.ok()) {
      pb::OpenSessionEvent event;
      event.mutable_revoked()->set_message(MessageOf(why));
      live->Send(std::move(event));
    }
    live->End(absl::OkStatus());
  });
  if (!leased.ok()) {
    stream->End(leased);
    return;
  }
  pb::OpenSessionEvent event;
  event.mutable_ready()->set_session_id(session_id);
  event.mutable_ready()->set_backend(backend);
  if (plan) *event.mutable_ready()->mutable_plan() = ToWire(*plan);
  stream->Send(std::move(event));
  stream->OnLost([&sessions, session_id, weak] {
    sessions.LeaseLost(session_id);
    if (const auto live = weak.lock()) live->End(Cancelled("the client is gone"));
  });
}

}  // namespace

SandboxService::SandboxService(Executor& executor, SessionManager& sessions,
                               SessionDirectory& directory, Git& git)
    : executor_(executor), sessions_(sessions), directory_(directory), git_(git) {}

grpc::ServerWriteReactor<pb::OpenSessionEvent>* SandboxService::OpenSession(
    grpc::CallbackServerContext* context, const pb::OpenSessionRequest* request) {
  const absl::Status version = CheckClientVersion(*context);
  return Stream::Start(
      executor_, [this, version, request = FromWire(*request)](std::shared_ptr<Stream> stream) {
        if (!version.ok()) return stream->End(version);
        StreamProgress<pb::OpenSessionEvent> progress(*stream);
        auto opened = sessions_.Open(request, progress, stream->stop_token());
        if (!opened.ok()) return stream->End(opened.status());
        HoldLease(sessions_, opened->session_id, stream, std::move(opened->plan), opened->backend);
      });
}

grpc::ServerWriteReactor<pb::OpenSessionEvent>* SandboxService::ResumeSession(
    grpc::CallbackServerContext* context, const pb::ResumeSessionRequest* request) {
  const absl::Status version = CheckClientVersion(*context);
  return Stream::Start(executor_,
                       [this, version, id = request->session_id()](std::shared_ptr<Stream> stream) {
                         if (!version.ok()) return stream->End(version);
                         HoldLease(sessions_, id, stream, std::nullopt, {});
                       });
}

grpc::ServerUnaryReactor* SandboxService::CloseSession(grpc::CallbackServerContext*,
                                                       const pb::CloseSessionRequest* request,
                                                       pb::CloseSessionResponse* response) {
  return UnaryCall<pb::CloseSessionResponse>::Start(
      executor_, response,
      [this, request](std::stop_token) -> absl::StatusOr<pb::CloseSessionResponse> {
        WM_ASSIGN_OR_RETURN(
            const SandboxExit exit,
            sessions_.Close(request->session_id(), workmux::daemon::FromWire(request->exit())));
        pb::CloseSessionResponse closed;
        closed.set_exit_code(exit.code);
        closed.set_start_failure(exit.start_failure);
        return closed;
      });
}

grpc::ServerUnaryReactor* SandboxService::StopSession(grpc::CallbackServerContext*,
                                                      const pb::StopSessionRequest* request,
                                                      pb::StopSessionResponse* response) {
  return UnaryCall<pb::StopSessionResponse>::Start(
      executor_, response,
      [this, request](std::stop_token) -> absl::StatusOr<pb::StopSessionResponse> {
        WM_RETURN_IF_ERROR(sessions_.StopSandbox(request->session_id()));
        return pb::StopSessionResponse();
      });
}

grpc::ServerUnaryReactor* SandboxService::ListSessions(grpc::CallbackServerContext*,
                                                       const pb::ListSessionsRequest*,
                                                       pb::ListSessionsResponse* response) {
  return UnaryCall<pb::ListSessionsResponse>::Start(
      executor_, response, [this](std::stop_token) -> absl::StatusOr<pb::ListSessionsResponse> {
        pb::ListSessionsResponse listed;
        for (const SessionRecord& record : directory_.All()) {
          auto* session = listed.add_sessions();
          session->set_session_id(record.id);
          session->set_sandbox(record.sandbox);
          session->set_backend(record.backend);
          session->set_worktree(record.worktree.path.string());
          session->set_agent(record.agent);
          session->set_started_unix_seconds(record.started);
          session->set_leased(sessions_.IsLeased(record.id));
        }
        return listed;
      });
}

grpc::ServerUnaryReactor* SandboxService::PlanAttach(grpc::CallbackServerContext* context,
                                                     const pb::PlanAttachRequest* request,
                                                     pb::PlanAttachResponse* response) {
  return UnaryCall<pb::PlanAttachResponse>::Start(
      executor_, response,
      [this, context, request](std::stop_token) -> absl::StatusOr<pb::PlanAttachResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        const Caller caller = workmux::daemon::FromWire(request->context());
        WM_ASSIGN_OR_RETURN(const Worktree worktree, git_.Locate(caller.cwd));
        const std::vector<std::string> command(request->command().begin(),
                                               request->command().end());
        WM_ASSIGN_OR_RETURN(
            const ExecPlan plan,
            sessions_.PlanAttach(caller, request->session_id(), worktree, command, request->tty()));
        pb::PlanAttachResponse planned;
        *planned.mutable_plan() = ToWire(plan);
        return planned;
      });
}

}  // namespace workmux::daemon
