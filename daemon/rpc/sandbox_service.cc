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

pb::ListSessionsResponse::State ToWire(SandboxEntry::State state) {
  switch (state) {
    case SandboxEntry::State::kRunning:
      return pb::ListSessionsResponse::STATE_RUNNING;
    case SandboxEntry::State::kStopped:
      return pb::ListSessionsResponse::STATE_STOPPED;
    case SandboxEntry::State::kMissing:
      return pb::ListSessionsResponse::STATE_MISSING;
    case SandboxEntry::State::kUnknown:
      return pb::ListSessionsResponse::STATE_UNKNOWN;
  }
  return pb::ListSessionsResponse::STATE_UNKNOWN;
}

pb::ListSessionsResponse::Session ToWire(const SandboxEntry& entry, bool leased) {
  pb::ListSessionsResponse::Session session;
  session.set_sandbox(entry.name);
  session.set_backend(entry.backend);
  session.set_state(ToWire(entry.state));
  session.set_leased(leased);
  if (entry.session) {
    session.set_session_id(entry.session->id);
    session.set_worktree(entry.session->worktree.path.string());
    session.set_agent(entry.session->agent);
    session.set_started_unix_seconds(entry.session->started);
  }
  if (entry.usage) {
    session.mutable_usage()->set_memory_bytes(entry.usage->memory_bytes);
    session.mutable_usage()->set_cpu_microseconds(entry.usage->cpu_usec);
    session.mutable_usage()->set_processes(entry.usage->processes);
  }
  return session;
}

pb::VerifySandboxResponse ToWire(const Verification& found) {
  pb::VerifySandboxResponse verified;
  verified.set_sandbox(found.sandbox);
  verified.set_backend(found.backend);
  for (const std::string_view defence : kDefences) {
    if (defence != kNetworkDefence || found.restricted) verified.add_defences(std::string(defence));
  }
  for (const Difference& difference : found.differences) {
    pb::VerifySandboxResponse::Difference& wire = *verified.add_differences();
    wire.set_defence(difference.defence);
    wire.set_expected(difference.expected);
    wire.set_found(difference.found);
  }
  verified.mutable_weakened()->Assign(found.weakened.begin(), found.weakened.end());
  return verified;
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

SandboxService::SandboxService(Deps deps) : deps_(std::move(deps)) {}

grpc::ServerWriteReactor<pb::OpenSessionEvent>* SandboxService::OpenSession(
    grpc::CallbackServerContext* context, const pb::OpenSessionRequest* request) {
  const absl::Status version = CheckClientVersion(*context);
  return Stream::Start(deps_.executor, [this, version, request = FromWire(*request)](
                                           std::shared_ptr<Stream> stream) {
    if (!version.ok()) return stream->End(version);
    StreamProgress<pb::OpenSessionEvent> progress(*stream);
    auto opened = deps_.sessions.Open(request, progress, stream->stop_token());
    if (!opened.ok()) return stream->End(opened.status());
    HoldLease(deps_.sessions, opened->session_id, stream, std::move(opened->plan), opened->backend);
  });
}

grpc::ServerWriteReactor<pb::OpenSessionEvent>* SandboxService::ResumeSession(
    grpc::CallbackServerContext* context, const pb::ResumeSessionRequest* request) {
  const absl::Status version = CheckClientVersion(*context);
  return Stream::Start(deps_.executor,
                       [this, version, id = request->session_id()](std::shared_ptr<Stream> stream) {
                         if (!version.ok()) return stream->End(version);
                         HoldLease(deps_.sessions, id, stream, std::nullopt, {});
                       });
}

grpc::ServerUnaryReactor* SandboxService::CloseSession(grpc::CallbackServerContext*,
                                                       const pb::CloseSessionRequest* request,
                                                       pb::CloseSessionResponse* response) {
  return UnaryCall<pb::CloseSessionResponse>::Start(
      deps_.executor, response,
      [this, request](std::stop_token) -> absl::StatusOr<pb::CloseSessionResponse> {
        WM_ASSIGN_OR_RETURN(const SandboxExit exit,
                            deps_.sessions.Close(request->session_id(),
                                                 workmux::daemon::FromWire(request->exit())));
        pb::CloseSessionResponse closed;
        closed.set_exit_code(exit.code);
        closed.set_start_failure(exit.start_failure);
        closed.set_start_reason(exit.reason);
        closed.set_start_hint(exit.hint);
        return closed;
      });
}

grpc::ServerUnaryReactor* SandboxService::StopSession(grpc::CallbackServerContext*,
                                                      const pb::StopSessionRequest* request,
                                                      pb::StopSessionResponse* response) {
  return UnaryCall<pb::StopSessionResponse>::Start(
      deps_.executor, response,
      [this, request](std::stop_token) -> absl::StatusOr<pb::StopSessionResponse> {
        WM_RETURN_IF_ERROR(deps_.sessions.StopSandbox(request->session_id()));
        return pb::StopSessionResponse();
      });
}

SandboxInventory SandboxService::Inventory(bool usage) {
  return TakeInventory(deps_.directory, deps_.backends, deps_.default_runtime(), usage,
                       deps_.executor);
}

grpc::ServerUnaryReactor* SandboxService::ListSessions(grpc::CallbackServerContext* context,
                                                       const pb::ListSessionsRequest* request,
                                                       pb::ListSessionsResponse* response) {
  return UnaryCall<pb::ListSessionsResponse>::Start(
      deps_.executor, response,
      [this, context, request](std::stop_token) -> absl::StatusOr<pb::ListSessionsResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        const SandboxInventory inventory = Inventory(request->usage());
        pb::ListSessionsResponse listed;
        for (const SandboxEntry& entry : inventory.entries) {
          *listed.add_sessions() = ToWire(
              entry, entry.session.has_value() && deps_.sessions.IsLeased(entry.session->id));
        }
        listed.mutable_warnings()->Assign(inventory.warnings.begin(), inventory.warnings.end());
        return listed;
      });
}

grpc::ServerUnaryReactor* SandboxService::EndSandbox(grpc::CallbackServerContext* context,
                                                     const pb::EndSandboxRequest* request,
                                                     pb::EndSandboxResponse* response) {
  return UnaryCall<pb::EndSandboxResponse>::Start(
      deps_.executor, response,
      [this, context, request](std::stop_token) -> absl::StatusOr<pb::EndSandboxResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        if (request->sandbox().empty()) return InvalidArgument("no sandbox is named");
        WM_RETURN_IF_ERROR(deps_.sessions.EndSandbox(request->sandbox()));
        return pb::EndSandboxResponse();
      });
}

grpc::ServerUnaryReactor* SandboxService::PruneSandboxes(grpc::CallbackServerContext* context,
                                                         const pb::PruneSandboxesRequest* request,
                                                         pb::PruneSandboxesResponse* response) {
  return UnaryCall<pb::PruneSandboxesResponse>::Start(
      deps_.executor, response,
      [this, context, request](std::stop_token) -> absl::StatusOr<pb::PruneSandboxesResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        const auto choice = deps_.choose_image(workmux::daemon::FromWire(request->context()));
        const ImageChoice configured = choice.ok() ? *choice : ImageChoice();
        UnusedThings unused = FindUnused(Inventory(/*usage=*/false), configured);
        // Which image is in use is not known then.
        if (!choice.ok()) unused.warnings.push_back(MessageOf(choice.status()));
        if (!request->preview()) RemoveUnused(deps_.backends, configured, unused);
        pb::PruneSandboxesResponse pruned;
        pruned.mutable_warnings()->Assign(unused.warnings.begin(), unused.warnings.end());
        for (const SandboxEntry& entry : unused.sandboxes) pruned.add_sandboxes(entry.name);
        for (const SupersededImage& image : unused.images) {
          pruned.add_images()->set_id(image.id);
          pruned.mutable_images()->rbegin()->set_size(image.size);
        }
        return pruned;
      });
}

grpc::ServerUnaryReactor* SandboxService::VerifySandbox(grpc::CallbackServerContext* context,
                                                        const pb::VerifySandboxRequest* request,
                                                        pb::VerifySandboxResponse* response) {
  return UnaryCall<pb::VerifySandboxResponse>::Start(
      deps_.executor, response,
      [this, context, request](std::stop_token) -> absl::StatusOr<pb::VerifySandboxResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        const Caller caller = workmux::daemon::FromWire(request->context());
        WM_ASSIGN_OR_RETURN(const SessionManager::SandboxChoice choice,
                            ChoiceOf(caller, request->sandbox()));
        WM_ASSIGN_OR_RETURN(const SessionRecord record, deps_.sessions.Choose(choice));
        WM_ASSIGN_OR_RETURN(const Verification found, deps_.check.Verify(record, caller.env));
        pb::VerifySandboxResponse verified = ToWire(found);
        if (!found.differences.empty()) {
          // What was found is told also when it cannot be ended.
          verified.set_ended(deps_.sessions.EndSandbox(record.id).ok());
        }
        return verified;
      });
}

absl::StatusOr<SessionManager::SandboxChoice> SandboxService::ChoiceOf(const Caller& caller,
                                                                       const std::string& name) {
  SessionManager::SandboxChoice choice{.name = name, .worktree = std::nullopt};
  if (!name.empty()) return choice;
  WM_ASSIGN_OR_RETURN(choice.worktree, deps_.git.Locate(caller.cwd));
  return choice;
}

template <class Request, class Plan>
grpc::ServerUnaryReactor* SandboxService::PlanFor(grpc::CallbackServerContext* context,
                                                  const Request* request, const std::string& name,
                                                  pb::PlanAttachResponse* response, Plan plan) {
  return UnaryCall<pb::PlanAttachResponse>::Start(
      deps_.executor, response,
      [=, this](std::stop_token) -> absl::StatusOr<pb::PlanAttachResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        const Caller caller = workmux::daemon::FromWire(request->context());
        WM_ASSIGN_OR_RETURN(const SessionManager::SandboxChoice choice, ChoiceOf(caller, name));
        WM_ASSIGN_OR_RETURN(const ExecPlan planned, plan(caller, choice));
        pb::PlanAttachResponse answer;
        *answer.mutable_plan() = ToWire(planned);
        return answer;
      });
}

grpc::ServerUnaryReactor* SandboxService::PlanLogs(grpc::CallbackServerContext* context,
                                                   const pb::PlanLogsRequest* request,
                                                   pb::PlanAttachResponse* response) {
  return PlanFor(
      context, request, request->sandbox(), response,
      [this, request](const Caller& caller, const SessionManager::SandboxChoice& choice) {
        return deps_.sessions.PlanLogs(caller, choice,
                                       {.follow = request->follow(), .lines = request->lines()});
      });
}

grpc::ServerUnaryReactor* SandboxService::PlanAttach(grpc::CallbackServerContext* context,
                                                     const pb::PlanAttachRequest* request,
                                                     pb::PlanAttachResponse* response) {
  return PlanFor(
      context, request, request->session_id(), response,
      [this, request](const Caller& caller, const SessionManager::SandboxChoice& choice) {
        const std::vector<std::string> command(request->command().begin(),
                                               request->command().end());
        return deps_.sessions.PlanAttach(caller, choice, command, request->tty());
      });
}

}  // namespace workmux::daemon
