#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>

#include "daemon/async/thread_pool.h"
#include "workmux/control/v1/agent.grpc.pb.h"
#include "workmux/control/v1/daemon.grpc.pb.h"

namespace workmux::test {

namespace control = ::workmux::control::v1;

// A service whose answers the test gives, on a server without a port: calls come
// over a channel inside of the process.
class InProcessDaemon {
 public:
  using Unary = std::function<grpc::ServerUnaryReactor*(grpc::CallbackServerContext*,
                                                        control::GetInfoResponse*)>;
  using Stream = std::function<grpc::ServerWriteReactor<control::AgentEvent>*()>;

  InProcessDaemon() {
    daemon_.owner = this;
    agent_.owner = this;
    grpc::ServerBuilder builder;
    builder.RegisterService(&daemon_);
    builder.RegisterService(&agent_);
    server_ = builder.BuildAndStart();
    channel_ = server_->InProcessChannel({});
  }
  ~InProcessDaemon() {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    pool.Drain();
  }

  std::unique_ptr<control::DaemonService::Stub> daemon() {
    return control::DaemonService::NewStub(channel_);
  }
  std::unique_ptr<control::AgentService::Stub> agent() {
    return control::AgentService::NewStub(channel_);
  }

  // Set before the call.
  Unary unary;
  Stream stream;
  daemon::ThreadPool pool{"test", 1, 4};

 private:
  struct Daemon : control::DaemonService::CallbackService {
    grpc::ServerUnaryReactor* GetInfo(grpc::CallbackServerContext* context,
                                      const control::GetInfoRequest*,
                                      control::GetInfoResponse* response) override {
      return owner->unary(context, response);
    }
    InProcessDaemon* owner = nullptr;
  };
  struct Agent : control::AgentService::CallbackService {
    grpc::ServerWriteReactor<control::AgentEvent>* WatchAgents(
        grpc::CallbackServerContext*, const control::WatchAgentsRequest*) override {
      return owner->stream();
    }
    InProcessDaemon* owner = nullptr;
  };

  Daemon daemon_;
  Agent agent_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace workmux::test
