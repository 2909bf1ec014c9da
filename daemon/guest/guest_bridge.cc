#include "daemon/guest/guest_bridge.h"

#include <fcntl.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/server_posix.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/version.h"
#include "common/io/file.h"
#include "common/io/socket.h"
#include "common/log/log.h"
#include "daemon/rpc/unary_call.h"
#include "workmux/guest/v1/guest.grpc.pb.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::guest::v1;

constexpr int kMaxMessageBytes = 1 << 20;
constexpr int kMaxStreamsPerConnection = 16;
// A sandbox that vanished with its network sends no FIN; an idle one may call again.
constexpr int kKeepaliveMs = 60'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kMaxIdleMs = 300'000;
// How soon a network that came up is noticed.
constexpr std::chrono::milliseconds kAddressRetry{200};
constexpr std::string_view kBearer = "Bearer ";

std::string_view TokenOf(const grpc::CallbackServerContext& context) {
  const auto found = context.client_metadata().find("authorization");
  if (found == context.client_metadata().end()) return {};
  std::string_view value(found->second.data(), found->second.size());
  if (!value.starts_with(kBearer)) return {};
  value.remove_prefix(kBearer.size());
  return value;
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

  grpc::ServerUnaryReactor* Heartbeat(grpc::CallbackServerContext* context,
                                      const pb::HeartbeatRequest*,
                                      pb::HeartbeatResponse* response) override {
    return Run(context, response, [](const std::string&) -> absl::StatusOr<pb::HeartbeatResponse> {
      pb::HeartbeatResponse heartbeat;
      heartbeat.set_host_version(kVersion);
      heartbeat.add_features("status");
      heartbeat.add_features("title");
      return heartbeat;
    });
  }

  grpc::ServerUnaryReactor* SetStatus(grpc::CallbackServerContext* context,
                                      const pb::SetStatusRequest* request,
                                      pb::SetStatusResponse* response) override {
    return Run(context, response,
               [this, wire = request->status()](
                   const std::string& session) -> absl::StatusOr<pb::SetStatusResponse> {
                 WM_ASSIGN_OR_RETURN(const AgentStatus status, FromWire(wire));
                 WM_RETURN_IF_ERROR(bridge_.actions_.SetGuestStatus(session, status));
                 return pb::SetStatusResponse();
               });
  }

  grpc::ServerUnaryReactor* SetTitle(grpc::CallbackServerContext* context,
                                     const pb::SetTitleRequest* request,
                                     pb::SetTitleResponse* response) override {
    return Run(context, response,
               [this, title = request->title()](
                   const std::string& session) -> absl::StatusOr<pb::SetTitleResponse> {
                 WM_RETURN_IF_ERROR(bridge_.actions_.SetGuestTitle(session, title));
                 return pb::SetTitleResponse();
               });
  }

  grpc::ServerUnaryReactor* BeginProbe(grpc::CallbackServerContext* context,
                                       const pb::BeginProbeRequest*,
                                       pb::BeginProbeResponse* response) override {
    return Run(context, response,
               [this](const std::string& session) -> absl::StatusOr<pb::BeginProbeResponse> {
                 WM_ASSIGN_OR_RETURN(StartProbes * probes, Probes());
                 WM_ASSIGN_OR_RETURN(const std::string probe, probes->BeginProbe(session));
                 pb::BeginProbeResponse begun;
                 if (!begun.mutable_probe()->ParseFromString(probe))
                   return Internal("the host made no request");
                 return begun;
               });
  }

  grpc::ServerUnaryReactor* FinishProbe(grpc::CallbackServerContext* context,
                                        const pb::FinishProbeRequest* request,
                                        pb::FinishProbeResponse* response) override {
    return Run(context, response,
               [this, report = request->report()](
                   const std::string& session) -> absl::StatusOr<pb::FinishProbeResponse> {
                 WM_ASSIGN_OR_RETURN(StartProbes * probes, Probes());
                 WM_RETURN_IF_ERROR(probes->FinishProbe(session, report));
                 return pb::FinishProbeResponse();
               });
  }

 private:
  absl::StatusOr<StartProbes*> Probes() const {
    if (bridge_.probes_ == nullptr) return FailedPrecondition("nothing waits for a probe");
    return bridge_.probes_;
  }

  // Checks the token before anything is posted: a guest without one costs us no
  // worker.
  template <class Response, class Body>
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context, Response* response,
                                Body body) {
    auto admitted = bridge_.Admit(context->peer(), TokenOf(*context));
    if (!admitted.ok()) {
      grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
      reactor->Finish(ToGuestGrpc(admitted.status()));
      return reactor;
    }
    return UnaryCall<Response>::Start(
        *admitted->lane, response,
        [session = std::move(admitted->session), body = std::move(body)](std::stop_token) {
          return body(session);
        },
        &ToGuestGrpc);
  }

  GuestBridge& bridge_;
};

GuestBridge::GuestBridge(EventLoop& loop, Executor& executor, GuestActions& actions,
                         const Limits& limits)
    : loop_(loop),
      executor_(executor),
      actions_(actions),
      limits_(limits),
      service_(std::make_unique<Service>(*this)) {}

GuestBridge::~GuestBridge() { Stop(); }

absl::Status GuestBridge::StartServer() {
  if (stopped_) return Unavailable("workmuxd is stopping");
  if (server_) return absl::OkStatus();
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreamsPerConnection);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, kMaxIdleMs);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  return server_ ? absl::OkStatus() : Internal("the guest server did not start");
}

absl::StatusOr<std::uint16_t> GuestBridge::Open(const std::string& session_id, const Secret& token,
                                                const Endpoints& endpoints) {
  MutexLock lock(mu_);
  WM_RETURN_IF_ERROR(StartServer());
  if (sessions_.contains(session_id)) return AlreadyExists("session {} has a bridge", session_id);
  // From here on Close finds what there is, however far this gets.
  Session& session =
      sessions_
          .emplace(session_id, Session{.token = token,
                                       .socket_dir = endpoints.socket_dir,
                                       .unix_listener = nullptr,
                                       .tcp_listener = nullptr,
                                       .late_listener = nullptr,
                                       .connections = {},
                                       .lane = std::make_shared<SerialExecutor>(executor_),
                                       .budget = {limits_.calls_per_second, limits_.burst}})
          .first->second;
  WM_RETURN_IF_ERROR(MakePrivateDirectory(endpoints.socket_dir));
  WM_ASSIGN_OR_RETURN(UniqueFd unix_listener, ListenUnix(endpoints.socket_dir / "bridge.sock"));
  session.unix_listener = Listen(session_id, Transport::kUnix, std::move(unix_listener));
  if (endpoints.tcp_address.empty()) return std::uint16_t{0};
  return ListenOnTcp(session_id, session, endpoints);
}

absl::StatusOr<std::uint16_t> GuestBridge::ListenOnTcp(const std::string& session_id,
                                                       Session& session,
                                                       const Endpoints& endpoints) {
  absl::StatusOr<UniqueFd> listener = ListenTcp(endpoints.tcp_address, endpoints.tcp_port);
  if (listener.ok()) {
    WM_ASSIGN_OR_RETURN(const std::uint16_t port, LocalPort(listener->get()));
    session.tcp_listener = Listen(session_id, Transport::kTcp, *std::move(listener));
    return port;
  }
  if (ReasonOf(listener.status()) != "ADDRESS_MISSING") return listener.status();
  // Apple Container's network comes up with the first of its machines, which has to
  // be told the port before that.
  Endpoints later = endpoints;
  if (later.tcp_port == 0) {
    WM_ASSIGN_OR_RETURN(const UniqueFd reserved, ListenTcp("127.0.0.1", 0));
    WM_ASSIGN_OR_RETURN(later.tcp_port, LocalPort(reserved.get()));
  }
  WaitForAddress(session_id, session, later);
  return later.tcp_port;
}

void GuestBridge::WaitForAddress(const std::string& session_id, Session& session,
                                 const Endpoints& endpoints) {
  session.late_listener = loop_.After(kAddressRetry, [this, session_id, endpoints] {
    executor_.Post([this, session_id, endpoints] { ListenLate(session_id, endpoints); });
  });
}

void GuestBridge::ListenLate(const std::string& session_id, const Endpoints& endpoints) {
  // Freed without the lock: it waits for the loop.
  std::unique_ptr<EventLoop::Registration> over;
  MutexLock lock(mu_);
  const auto found = sessions_.find(session_id);
  if (found == sessions_.end()) return;
  over = std::move(found->second.late_listener);
  const auto port = ListenOnTcp(session_id, found->second, endpoints);
  if (!port.ok()) LogWarning("guest", Format("{}: {}", session_id, MessageOf(port.status())));
}

std::unique_ptr<EventLoop::Registration> GuestBridge::Listen(const std::string& session_id,
                                                             Transport transport,
                                                             UniqueFd listener) {
  return loop_.Accept(std::move(listener), [this, session_id, transport](UniqueFd connection) {
    Take(session_id, transport, std::move(connection));
  });
}

void GuestBridge::Take(const std::string& session_id, Transport transport, UniqueFd connection) {
  MutexLock lock(mu_);
  const auto session = sessions_.find(session_id);
  if (!server_ || session == sessions_.end() || !HasRoom(session->second, transport)) return;
  UniqueFd watch(::fcntl(connection.get(), F_DUPFD_CLOEXEC, 0));
  if (!watch.valid()) return;
  // Descriptor numbers are reused: the newest owner of a number counts.
  const int fd = connection.Release();
  session_of_fd_[fd] = session_id;
  session->second.connections.insert_or_assign(
      fd, Connection{.transport = transport, .watch = std::move(watch), .refusals = 0});
  grpc::AddInsecureChannelFromFd(server_.get(), fd);
}

bool GuestBridge::HasRoom(Session& session, Transport transport) {
  DropEnded(session);
  const auto same =
      std::count_if(session.connections.begin(), session.connections.end(),
                    [&](const auto& entry) { return entry.second.transport == transport; });
  if (static_cast<std::size_t>(same) >= limits_.connections) return false;
  if (session_of_fd_.size() < limits_.all_connections) return true;
  for (auto& [id, other] : sessions_) DropEnded(other);
  return session_of_fd_.size() < limits_.all_connections;
}

// gRPC shuts a connection down when it lets go of it, which the duplicate sees.
void GuestBridge::DropEnded(Session& session) {
  std::erase_if(session.connections, [&](const auto& entry) WM_REQUIRES(mu_) {
    pollfd state{.fd = entry.second.watch.get(), .events = 0, .revents = 0};
    if (::poll(&state, 1, 0) <= 0 || (state.revents & (POLLHUP | POLLERR)) == 0) return false;
    const auto owner = session_of_fd_.find(entry.first);
    if (owner != session_of_fd_.end() && &sessions_.find(owner->second)->second == &session) {
      session_of_fd_.erase(owner);
    }
    return true;
  });
}

absl::StatusOr<GuestBridge::Admission> GuestBridge::Admit(std::string_view peer,
                                                          std::string_view token) {
  constexpr std::string_view kPrefix = "fd:";
  const absl::Status refused = Unauthenticated("unauthenticated");
  long long fd = 0;
  if (!peer.starts_with(kPrefix) || !ParseInt(peer.substr(kPrefix.size()), fd)) return refused;
  MutexLock lock(mu_);
  const auto owner = session_of_fd_.find(static_cast<int>(fd));
  if (owner == session_of_fd_.end()) return refused;
  Session& session = sessions_.find(owner->second)->second;
  Connection& connection = session.connections.at(static_cast<int>(fd));
  const bool known = !session.token.empty() && session.token.Matches(token);
  const bool paid = known && session.lane->pending() < limits_.waiting_calls &&
                    session.budget.Take(TokenBucket::Clock::now());
  if (paid) return Admission{owner->second, session.lane};
  if (++connection.refusals >= limits_.refusals) ::shutdown(connection.watch.get(), SHUT_RDWR);
  if (!known) return refused;
  return ResourceExhausted("too many calls from this sandbox");
}

void GuestBridge::Close(const std::string& session_id) {
  std::map<std::string, Session, std::less<>>::node_type closed;
  {
    MutexLock lock(mu_);
    closed = sessions_.extract(session_id);
    if (closed.empty()) return;
    std::erase_if(session_of_fd_, [&](const auto& entry) { return entry.second == session_id; });
  }
  Session& session = closed.mapped();
  for (const auto& [fd, connection] : session.connections)
    ::shutdown(connection.watch.get(), SHUT_RDWR);
  // Waits for the loop, so it is done without the lock that the loop takes.
  session.unix_listener.reset();
  session.tcp_listener.reset();
  session.late_listener.reset();
  std::error_code ignored;
  std::filesystem::remove_all(session.socket_dir, ignored);
}

void GuestBridge::Stop() {
  std::map<std::string, Session, std::less<>> sessions;
  std::unique_ptr<grpc::Server> server;
  {
    MutexLock lock(mu_);
    stopped_ = true;
    sessions.swap(sessions_);
    session_of_fd_.clear();
    server = std::move(server_);
  }
  // gRPC closes no connection before its last write is done, and a peer that
  // does not read would decide when that is.
  for (const auto& [id, session] : sessions) {
    for (const auto& [fd, connection] : session.connections)
      ::shutdown(connection.watch.get(), SHUT_RDWR);
  }
  sessions.clear();
  if (!server) return;
  server->Shutdown(std::chrono::system_clock::now());
  server->Wait();
}

}  // namespace workmux::daemon
