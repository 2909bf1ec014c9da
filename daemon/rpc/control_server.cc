#include "daemon/rpc/control_server.h"

#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <unistd.h>

#include <utility>

#include "common/base/status.h"
#include "common/io/socket.h"
#include "common/log/log.h"

namespace workmux::daemon {
namespace {

// A prompt may be large; everything else is small.
constexpr int kMaxMessageBytes = 32 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Start(
    EventLoop& loop, UniqueFd listener, const std::vector<grpc::Service*>& services) {
  std::unique_ptr<ControlServer> control(new ControlServer(loop));
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  for (grpc::Service* service : services) builder.RegisterService(service);
  control->server_ = builder.BuildAndStart();
  if (!control->server_) return Internal("the control server did not start");
  control->ListenOn(std::move(listener));
  return control;
}

void ControlServer::ListenOn(UniqueFd listener) {
  std::unique_ptr<EventLoop::Registration> replaced;
  MutexLock lock(mu_);
  if (stopped_) return;
  replaced = std::exchange(
      accepting_, loop_.Accept(std::move(listener), [server = server_.get()](UniqueFd connection) {
        const auto peer = PeerOf(connection.get());
        if (!peer.ok() || peer->uid != ::geteuid()) {
          LogWarning("control", "refused a connection of another user");
          return;
        }
        grpc::AddInsecureChannelFromFd(server, connection.Release());
      }));
}

ControlServer::~ControlServer() { Stop(std::chrono::milliseconds(0)); }

void ControlServer::Stop(std::chrono::milliseconds grace) {
  std::unique_ptr<EventLoop::Registration> accepting;
  {
    MutexLock lock(mu_);
    stopped_ = true;
    accepting = std::move(accepting_);
  }
  accepting.reset();
  if (!server_) return;
  server_->Shutdown(std::chrono::system_clock::now() + grace);
  server_->Wait();
  server_.reset();
}

}  // namespace workmux::daemon
