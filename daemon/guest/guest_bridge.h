#pragma once

#include <grpcpp/server.h>
#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <absl/status/statusor.h>

#include "common/base/mutex.h"
#include "common/base/secret.h"
#include "daemon/async/event_loop.h"
#include "daemon/async/executor.h"
#include "daemon/guest/guest_actions.h"
#include "daemon/ports/bridge_listeners.h"

namespace workmux::daemon {

// Where sandboxes talk to us: one listener or two for each (a Unix socket in a
// directory that is mounted into the sandbox, and TCP), all feeding one gRPC
// server that has no port of its own. A connection belongs to its listener's
// session from the moment it is accepted, and the token must be that session's.
// Thread-safe.
class GuestBridge : public BridgeListeners {
 public:
  GuestBridge(EventLoop& loop, Executor& executor, GuestActions& actions);
  ~GuestBridge() override;

  absl::StatusOr<std::uint16_t> Open(const std::string& session_id, const Secret& token,
                                     const Endpoints& endpoints) override;
  void Close(const std::string& session_id) override;
  // Cuts every connection: a guest that reads nothing delays nothing.
  void Stop();

 private:
  class Service;
  struct Session {
    Secret token;
    std::filesystem::path socket_dir;
    std::unique_ptr<EventLoop::Registration> unix_listener;
    std::unique_ptr<EventLoop::Registration> tcp_listener;
  };

  // A descriptor of gRPC's: its number means this connection only while the
  // socket behind it is still the same.
  struct Connection {
    std::string session_id;
    ino_t socket = 0;
  };

  absl::Status StartServer() WM_REQUIRES(mu_);
  std::unique_ptr<EventLoop::Registration> Listen(const std::string& session_id, UniqueFd listener);
  // The session whose listener took this connection, when the token is its own.
  std::optional<std::string> Authenticate(std::string_view peer, std::string_view token);

  EventLoop& loop_;
  Executor& executor_;
  GuestActions& actions_;
  std::unique_ptr<Service> service_;

  Mutex mu_;
  std::unique_ptr<grpc::Server> server_ WM_GUARDED_BY(mu_);
  std::map<std::string, Session, std::less<>> sessions_ WM_GUARDED_BY(mu_);
  std::map<int, Connection> connections_ WM_GUARDED_BY(mu_);  // by descriptor
};

}  // namespace workmux::daemon
