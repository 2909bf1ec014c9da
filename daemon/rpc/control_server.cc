#include "daemon/rpc/control_server.h"

#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <unistd.h>

#include "common/base/status.h"
#include "common/io/socket.h"
#include "common/log/log.h"

namespace workmux::daemon {
namespace {

// A prompt may be large; everything else is small.
constexpr int kMaxMessageBytes = 32 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Start(EventLoop& loop, UniqueFd listener,
                                                                    const std::vector<grpc::Service*>& services) {
  std::unique_ptr<ControlServer> control(new ControlServer());
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  for (grpc::Service* service : services) builder.RegisterService(service);
  control->server_ = builder.BuildAndStart();
  if (!control->server_) return Internal("the control server did not start");
  control->accepting_ = loop.Accept(std::move(listener), [server = control->server_.get()](UniqueFd connection) {
    const auto peer = PeerOf(connection.get());
    if (!peer.ok() || peer->uid != ::geteuid()) {
      LogWarning("control", "refused a connection of another user");
      return;
    }
    grpc::AddInsecureChannelFromFd(server, connection.Release());
  });
  return control;
}

ControlServer::~ControlServer() { Stop(std::chrono::milliseconds(0)); }

void ControlServer::Stop(std::chrono::milliseconds grace) {
  accepting_.reset();
  if (!server_) return;
  server_->Shutdown(std::chrono::system_clock::now() + grace);
  server_->Wait();
  server_.reset();
}

}  // namespace workmux::daemon
