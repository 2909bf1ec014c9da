#include "tests/fakes/fake_daemon.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "common/base/status.h"
#include "common/rpc/grpc_status.h"

namespace workmux::test {

using grpc::ServerContext;
using grpc::ServerWriter;
using grpc::Status;

class FakeDaemon::Agents final : public control::AgentService::Service {
 public:
  explicit Agents(FakeDaemon& daemon) : daemon_(daemon) {}
  Status SetStatus(ServerContext* context, const control::SetStatusRequest* request,
                   control::SetStatusResponse* response) override {
    MutexLock lock(daemon_.mu_);
    daemon_.statuses_.push_back(*request);
    const auto major = context->client_metadata().find("workmux-api-major");
    if (major != context->client_metadata().end()) {
      daemon_.api_major_.assign(major->second.data(), major->second.size());
    }
    response->set_applied(true);
    return Status::OK;
  }
  Status ListAgents(ServerContext*, const control::ListAgentsRequest*,
                    control::ListAgentsResponse* response) override {
    *response = daemon_.agents;
    return Status::OK;
  }

 private:
  FakeDaemon& daemon_;
};

class FakeDaemon::Daemons final : public control::DaemonService::Service {
 public:
  Status GetInfo(ServerContext*, const control::GetInfoRequest*,
                 control::GetInfoResponse* response) override {
    response->set_version("1.2.3");
    response->set_api_major(1);
    response->set_pid(::getpid());
    return Status::OK;
  }
};

class FakeDaemon::Workspaces final : public control::WorkspaceService::Service {
 public:
  using Writer = ServerWriter<control::WorkspaceEvent>;
  explicit Workspaces(FakeDaemon& daemon) : daemon_(daemon) {}

  Status AddWorktree(ServerContext* context, const control::AddWorktreeRequest* request,
                     Writer* writer) override {
    Keep(daemon_.added_, *request);
    return Play(*context, *writer);
  }
  Status RemoveWorktree(ServerContext* context, const control::RemoveWorktreeRequest* request,
                        Writer* writer) override {
    Keep(daemon_.removed_, *request);
    return Play(*context, *writer);
  }
  Status InspectRemoval(ServerContext*, const control::InspectRemovalRequest*,
                        control::InspectRemovalResponse* response) override {
    *response = daemon_.inspection;
    return Status::OK;
  }
  Status ListWorktrees(ServerContext*, const control::ListWorktreesRequest*,
                       control::ListWorktreesResponse* response) override {
    *response = daemon_.worktrees;
    return Status::OK;
  }
  Status ReviewConfig(ServerContext*, const control::ReviewConfigRequest*,
                      control::ReviewConfigResponse* response) override {
    *response = daemon_.review;
    return Status::OK;
  }
  Status TrustConfig(ServerContext*, const control::TrustConfigRequest* request,
                     control::TrustConfigResponse*) override {
    MutexLock lock(daemon_.mu_);
    daemon_.trusted_ = request->sha256();
    daemon_.needs_trust = false;
    return Status::OK;
  }

 private:
  template <class Request>
  void Keep(std::vector<Request>& list, const Request& request) {
    MutexLock lock(daemon_.mu_);
    list.push_back(request);
  }

  Status Play(ServerContext& context, Writer& writer) {
    if (daemon_.needs_trust) {
      return ToGrpc(
          WithReason(FailedPrecondition("the configuration changed"), "CONFIG_NEEDS_TRUST"));
    }
    for (const auto& event : daemon_.events) writer.Write(event);
    if (daemon_.on_workspace_stream) daemon_.on_workspace_stream();
    while (daemon_.hang_until_cancelled && !context.IsCancelled()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return ToGrpc(daemon_.workspace_status);
  }

  FakeDaemon& daemon_;
};

class FakeDaemon::Sandboxes final : public control::SandboxService::Service {
 public:
  using Writer = ServerWriter<control::OpenSessionEvent>;
  explicit Sandboxes(FakeDaemon& daemon) : daemon_(daemon) {}

  Status OpenSession(ServerContext* context, const control::OpenSessionRequest* request,
                     Writer* writer) override {
    {
      MutexLock lock(daemon_.mu_);
      daemon_.opened_.push_back(*request);
    }
    if (!daemon_.session_status.ok()) return ToGrpc(daemon_.session_status);
    while (daemon_.hang_until_cancelled && !context->IsCancelled()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    control::OpenSessionEvent event;
    event.mutable_ready()->set_session_id("s1");
    *event.mutable_ready()->mutable_plan() = daemon_.plan;
    writer->Write(event);
    return daemon_.Lease(*context, *writer);
  }
  Status ResumeSession(ServerContext* context, const control::ResumeSessionRequest* request,
                       Writer* writer) override {
    if (request->session_id() != "s1")
      return Status(grpc::StatusCode::NOT_FOUND, "no such session");
    control::OpenSessionEvent event;
    event.mutable_ready()->set_session_id("s1");
    writer->Write(event);
    ++daemon_.resumed_;
    return daemon_.Lease(*context, *writer);
  }
  Status CloseSession(ServerContext*, const control::CloseSessionRequest* request,
                      control::CloseSessionResponse* response) override {
    MutexLock lock(daemon_.mu_);
    daemon_.closed_.push_back(*request);
    const auto& exit = request->exit();
    response->set_exit_code(exit.signal() != 0 ? 128 + exit.signal() : exit.code());
    if (!daemon_.start_failure.empty()) {
      response->set_exit_code(daemon_.start_failure_code);
      response->set_start_failure(daemon_.start_failure);
      response->set_start_reason(daemon_.start_reason);
      response->set_start_hint(daemon_.start_hint);
    }
    return Status::OK;
  }
  Status StopSession(ServerContext*, const control::StopSessionRequest*,
                     control::StopSessionResponse*) override {
    ++daemon_.stops_;
    return Status::OK;
  }

 private:
  FakeDaemon& daemon_;
};

FakeDaemon::FakeDaemon(std::filesystem::path socket)
    : socket_(std::move(socket)),
      agent_service_(std::make_unique<Agents>(*this)),
      daemon_service_(std::make_unique<Daemons>()),
      sandbox_service_(std::make_unique<Sandboxes>(*this)),
      workspace_service_(std::make_unique<Workspaces>(*this)) {
  Start();
}

FakeDaemon::~FakeDaemon() { Stop(); }

void FakeDaemon::Start() {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket_.string(), grpc::InsecureServerCredentials());
  builder.SetMaxReceiveMessageSize(32 << 20);
  builder.RegisterService(agent_service_.get());
  builder.RegisterService(daemon_service_.get());
  builder.RegisterService(sandbox_service_.get());
  builder.RegisterService(workspace_service_.get());
  server_ = builder.BuildAndStart();
}

void FakeDaemon::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

grpc::Status FakeDaemon::Lease(ServerContext& context,
                               ServerWriter<control::OpenSessionEvent>& writer) {
  ++leases_;
  while (!context.IsCancelled()) {
    std::string revocation;
    {
      MutexLock lock(mu_);
      revocation.swap(revocation_);
    }
    if (!revocation.empty()) {
      control::OpenSessionEvent event;
      event.mutable_revoked()->set_message(revocation);
      writer.Write(event);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  --leases_;
  return Status::OK;
}

void FakeDaemon::Revoke(const std::string& message) {
  MutexLock lock(mu_);
  revocation_ = message;
}

std::vector<control::AddWorktreeRequest> FakeDaemon::added() const {
  MutexLock lock(mu_);
  return added_;
}
std::vector<control::RemoveWorktreeRequest> FakeDaemon::removed() const {
  MutexLock lock(mu_);
  return removed_;
}
std::vector<control::SetStatusRequest> FakeDaemon::statuses() const {
  MutexLock lock(mu_);
  return statuses_;
}
std::vector<control::OpenSessionRequest> FakeDaemon::opened() const {
  MutexLock lock(mu_);
  return opened_;
}
std::vector<control::CloseSessionRequest> FakeDaemon::closed() const {
  MutexLock lock(mu_);
  return closed_;
}
std::string FakeDaemon::trusted_sha256() const {
  MutexLock lock(mu_);
  return trusted_;
}
std::string FakeDaemon::client_api_major() const {
  MutexLock lock(mu_);
  return api_major_;
}

}  // namespace workmux::test
