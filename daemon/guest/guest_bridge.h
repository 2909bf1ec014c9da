#pragma once

#include <grpcpp/server.h>

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
#include "daemon/async/serial_executor.h"
#include "daemon/domain/guest_actions.h"
#include "daemon/domain/sandbox_check.h"
#include "daemon/guest/token_bucket.h"
#include "daemon/ports/bridge_listeners.h"

namespace workmux::daemon {

// Where sandboxes talk to us: one listener or two for each (a Unix socket in a
// directory that is mounted into the sandbox, and TCP), all feeding one gRPC
// server that has no port of its own. A connection belongs to its listener's
// session from the moment it is accepted, and the token must be that session's.
// A session's calls run one after the other, within its budget, so that none can
// keep the others or the host's own clients waiting. Thread-safe.
class GuestBridge : public BridgeListeners {
 public:
  struct Limits {
    // For each listener: sandboxes that share a network reach each other's TCP
    // listener, but not the socket.
    std::size_t connections = 16;
    std::size_t all_connections = 1024;
    double calls_per_second = 20;
    double burst = 60;
    std::size_t waiting_calls = 32;
    // Refused calls after which a connection is cut.
    std::size_t refusals = 100;
  };

  GuestBridge(EventLoop& loop, Executor& executor, GuestActions& actions)
      : GuestBridge(loop, executor, actions, Limits()) {}
  GuestBridge(EventLoop& loop, Executor& executor, GuestActions& actions, const Limits& limits);
  ~GuestBridge() override;

  absl::StatusOr<std::uint16_t> Open(const std::string& session_id, const Secret& token,
                                     const Endpoints& endpoints) override;
  void Close(const std::string& session_id) override;
  void Stop();
  // Who takes reports of starting sandboxes; before the first Open. Without it they
  // are refused.
  void TakeProbes(StartProbes& probes) { probes_ = &probes; }

 private:
  class Service;
  enum class Transport { kUnix, kTcp };
  struct Connection {
    Transport transport = Transport::kUnix;
    UniqueFd watch;  // a duplicate: gRPC owns the connection itself
    std::size_t refusals = 0;
  };
  struct Session {
    Secret token;
    std::filesystem::path socket_dir;
    std::unique_ptr<EventLoop::Registration> unix_listener;
    std::unique_ptr<EventLoop::Registration> tcp_listener;
    std::unique_ptr<EventLoop::Registration> late_listener;  // while its address is missing
    std::map<int, Connection> connections;                   // by gRPC's descriptor
    std::shared_ptr<SerialExecutor> lane;
    TokenBucket budget;
  };
  struct Admission {
    std::string session;
    std::shared_ptr<SerialExecutor> lane;
  };

  absl::Status StartServer() WM_REQUIRES(mu_);
  std::unique_ptr<EventLoop::Registration> Listen(const std::string& session_id,
                                                  Transport transport, UniqueFd listener);
  absl::StatusOr<std::uint16_t> ListenOnTcp(const std::string& session_id, Session& session,
                                            const Endpoints& endpoints) WM_REQUIRES(mu_);
  void WaitForAddress(const std::string& session_id, Session& session, const Endpoints& endpoints)
      WM_REQUIRES(mu_);
  void ListenLate(const std::string& session_id, const Endpoints& endpoints);
  void Take(const std::string& session_id, Transport transport, UniqueFd connection);
  bool HasRoom(Session& session, Transport transport) WM_REQUIRES(mu_);
  void DropEnded(Session& session) WM_REQUIRES(mu_);
  // The session whose listener took this connection, when the token is its own
  // and it has calls left.
  absl::StatusOr<Admission> Admit(std::string_view peer, std::string_view token);

  EventLoop& loop_;
  Executor& executor_;
  GuestActions& actions_;
  StartProbes* probes_ = nullptr;
  const Limits limits_;
  std::unique_ptr<Service> service_;

  Mutex mu_;
  bool stopped_ WM_GUARDED_BY(mu_) = false;
  std::unique_ptr<grpc::Server> server_ WM_GUARDED_BY(mu_);
  std::map<std::string, Session, std::less<>> sessions_ WM_GUARDED_BY(mu_);
  std::map<int, std::string> session_of_fd_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
