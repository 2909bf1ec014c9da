#pragma once

#include <grpcpp/server.h>

#include <filesystem>
#include <memory>
#include <vector>

#include <absl/status/statusor.h>

#include "common/base/mutex.h"
#include "common/base/unique_fd.h"
#include "daemon/async/event_loop.h"

namespace workmux::daemon {

// The server for this user's clients. It has no port of its own: connections
// come from our accept loop, which closes those of other users (SO_PEERCRED)
// before gRPC sees a byte.
class ControlServer {
 public:
  // `services` outlive the server.
  static absl::StatusOr<std::unique_ptr<ControlServer>> Start(
      EventLoop& loop, UniqueFd listener, const std::vector<grpc::Service*>& services);
  ~ControlServer();

  // Takes connections from another listener from now on. Thread-safe.
  void ListenOn(UniqueFd listener);

  // No new connections or calls; calls in flight get `grace`, then are cancelled.
  void Stop(std::chrono::milliseconds grace);

 private:
  explicit ControlServer(EventLoop& loop) : loop_(loop) {}

  EventLoop& loop_;
  std::unique_ptr<grpc::Server> server_;
  Mutex mu_;
  std::unique_ptr<EventLoop::Registration> accepting_ WM_GUARDED_BY(mu_);
  bool stopped_ WM_GUARDED_BY(mu_) = false;
};

}  // namespace workmux::daemon
