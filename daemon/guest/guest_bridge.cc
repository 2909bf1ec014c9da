#include "daemon/guest/guest_bridge.h"

#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/version.h"
#include "common/io/file.h"
#include "common/io/socket.h"
#include "daemon/rpc/unary_call.h"
#include "workmux/guest/v1/guest.grpc.pb.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::guest::v1;

constexpr int kMaxMessageBytes = 1 << 20;
constexpr int kMaxStreamsPerConnection = 16;
constexpr std::string_view kBearer = "Bearer ";

std::string_view TokenOf(const grpc::CallbackServerContext& context) {
  const auto found = context.client_metadata().find("authorization");
  if (found == context.client_metadata().end()) return {};
  std::string_view value(found->second.data(), found->second.size());
  if (!value.starts_with(kBearer)) return {};
  value.remove_prefix(kBearer.size());
  return value;
}

ino_t SocketBehind(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) ? info.st_ino : 0;
}

absl::StatusOr<AgentStatus> FromWire(pb::Status status) {
  switch (status) {
    case pb::STATUS_WORKING:
      return AgentStatus::kWorking;
    case pb::STATUS_WAITING:
      return AgentStatus::kWaiting;
    case pb::STATUS_DONE:
      return AgentStatus::kDone;
    case pb::STATUS_CLEAR:
      return AgentStatus::kNone;
    default:
      return InvalidArgument("unknown status");
  }
}

}  // namespace

class GuestBridge::Service : public pb::GuestService::CallbackService {
 public:
  explicit Service(GuestBridge& bridge) : bridge_(bridge) {}

  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context, const pb::HeartbeatRequest*,
                                      pb::HeartbeatResponse* response) override {
    return Run(context, response, [](const std::string&) -> absl::StatusOr<pb::HeartbeatResponse> {
      pb::HeartbeatResponse heartbeat;
      heartbeat.set_host_version(kVersion);
      heartbeat.add_features("status");
      heartbeat.add_features("title");
      return heartbeat;
    });
  }

  grpc::ServerUnaryReactor* SetStatus(grpc::CallbackServerContext* context, const pb::SetStatusRequest* request,
                                      pb::SetStatusResponse* response) override {
    return Run(context, response,
               [this, wire = request->status()](const std::string& session) -> absl::StatusOr<pb::SetStatusResponse> {
                 WM_ASSIGN_OR_RETURN(const AgentStatus status, FromWire(wire));
                 WM_RETURN_IF_ERROR(bridge_.actions_.SetGuestStatus(session, status));
                 return pb::SetStatusResponse();
               });
  }

  grpc::ServerUnaryReactor* SetTitle(grpc::CallbackServerContext* context, const pb::SetTitleRequest* request,
                                     pb::SetTitleResponse* response) override {
    return Run(context, response,
               [this, title = request->title()](const std::string& session) -> absl::StatusOr<pb::SetTitleResponse> {
                 WM_RETURN_IF_ERROR(bridge_.actions_.SetGuestTitle(session, title));
                 return pb::SetTitleResponse();
               });
  }

 private:
  // Checks the token before anything is posted: a guest without one costs us no
  // worker.
  template <class Response, class Body>
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context, Response* response, Body body) {
    const auto session = bridge_.Authenticate(context->peer(), TokenOf(*context));
    if (!session) {
      grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
      reactor->Finish({grpc::StatusCode::UNAUTHENTICATED, "unauthenticated"});
      return reactor;
    }
    return UnaryCall<Response>::Start(
        bridge_.executor_, response,
        [session = *session, body = std::move(body)](std::stop_token) { return body(session); }, &ToGuestGrpc);
  }

  GuestBridge& bridge_;
};

GuestBridge::GuestBridge(EventLoop& loop, Executor& executor, GuestActions& actions)
    : loop_(loop), executor_(executor), actions_(actions), service_(std::make_unique<Service>(*this)) {}

GuestBridge::~GuestBridge() { Stop(); }

absl::Status GuestBridge::StartServer() {
  if (server_) return absl::OkStatus();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  return server_ ? absl::OkStatus() : Internal("the guest server did not start");
}

absl::StatusOr<std::uint16_t> GuestBridge::Open(const std::string& session_id, const Secret& token,
                                                const Endpoints& endpoints) {
  {
    MutexLock lock(mu_);
    WM_RETURN_IF_ERROR(StartServer());
  }
  WM_RETURN_IF_ERROR(MakePrivateDirectory(endpoints.socket_dir));
  WM_ASSIGN_OR_RETURN(UniqueFd unix_listener, ListenUnix(endpoints.socket_dir / "bridge.sock"));
  UniqueFd tcp_listener;
  std::uint16_t port = 0;
  if (!endpoints.tcp_address.empty()) {
    WM_ASSIGN_OR_RETURN(tcp_listener, ListenTcp(endpoints.tcp_address, endpoints.tcp_port));
    WM_ASSIGN_OR_RETURN(port, LocalPort(tcp_listener.get()));
  }
  {
    // The token is known before the first connection can be accepted.
    MutexLock lock(mu_);
    Session& session = sessions_[session_id];
    session.token = token;
    session.socket_dir = endpoints.socket_dir;
  }
  auto on_unix = Listen(session_id, std::move(unix_listener));
  auto on_tcp = tcp_listener.valid() ? Listen(session_id, std::move(tcp_listener)) : nullptr;
  MutexLock lock(mu_);
  Session& session = sessions_[session_id];
  session.unix_listener = std::move(on_unix);
  session.tcp_listener = std::move(on_tcp);
  return port;
}

std::unique_ptr<EventLoop::Registration> GuestBridge::Listen(const std::string& session_id, UniqueFd listener) {
  return loop_.Accept(std::move(listener), [this, session_id](UniqueFd connection) {
    MutexLock lock(mu_);
    if (!server_ || !sessions_.contains(session_id)) return;
    // Descriptor numbers are reused: the newest owner of a number counts.
    connections_[connection.get()] = {.session_id = session_id, .socket = SocketBehind(connection.get())};
    grpc::AddInsecureChannelFromFd(server_.get(), connection.Release());
  });
}

std::optional<std::string> GuestBridge::Authenticate(std::string_view peer, std::string_view token) {
  constexpr std::string_view kPrefix = "fd:";
  long long fd = 0;
  if (!peer.starts_with(kPrefix) || !ParseInt(peer.substr(kPrefix.size()), fd)) return std::nullopt;
  MutexLock lock(mu_);
  const auto owner = connections_.find(static_cast<int>(fd));
  if (owner == connections_.end()) return std::nullopt;
  const auto session = sessions_.find(owner->second.session_id);
  if (session == sessions_.end() || session->second.token.empty()) return std::nullopt;
  if (!session->second.token.Matches(token)) return std::nullopt;
  return session->first;
}

void GuestBridge::Close(const std::string& session_id) {
  Session closed;
  {
    MutexLock lock(mu_);
    const auto found = sessions_.find(session_id);
    if (found == sessions_.end()) return;
    closed = std::move(found->second);
    sessions_.erase(found);
    std::erase_if(connections_, [&](const auto& entry) { return entry.second.session_id == session_id; });
  }
  // Waits for the loop, so it is done without the lock that the loop takes.
  closed.unix_listener.reset();
  closed.tcp_listener.reset();
  std::error_code ignored;
  std::filesystem::remove_all(closed.socket_dir, ignored);
}

void GuestBridge::Stop() {
  std::map<std::string, Session, std::less<>> sessions;
  std::map<int, Connection> connections;
  std::unique_ptr<grpc::Server> server;
  {
    MutexLock lock(mu_);
    sessions.swap(sessions_);
    connections.swap(connections_);
    server = std::move(server_);
  }
  sessions.clear();
  if (!server) return;
  // gRPC closes no connection before its last write is done, and a peer that
  // does not read would decide when that is.
  for (const auto& [fd, connection] : connections) {
    if (SocketBehind(fd) == connection.socket) ::shutdown(fd, SHUT_RDWR);
  }
  server->Shutdown(std::chrono::system_clock::now());
  server->Wait();
}

}  // namespace workmux::daemon
