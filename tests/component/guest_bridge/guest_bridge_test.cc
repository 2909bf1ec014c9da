#include "daemon/guest/guest_bridge.h"

#include <grpc/grpc.h>
#include <grpcpp/grpcpp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "common/io/socket.h"
#include "daemon/async/thread_pool.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"
#include "workmux/guest/v1/guest.grpc.pb.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::guest::v1;

class RecordingActions : public GuestActions {
 public:
  // While set, calls of session "a" do not end.
  std::atomic<bool> a_hangs{false};
  std::atomic<int> hanging{0};

  absl::Status SetGuestStatus(std::string_view session_id, AgentStatus status) override {
    if (session_id == "a" && a_hangs) {
      ++hanging;
      test::WaitUntil([&] { return !a_hangs; });
      --hanging;
    }
    std::lock_guard lock(mu_);
    statuses_.emplace_back(session_id, status);
    return absl::OkStatus();
  }
  absl::Status SetGuestTitle(std::string_view session_id, std::string_view title) override {
    std::lock_guard lock(mu_);
    titles_.emplace_back(session_id, title);
    return absl::OkStatus();
  }
  std::vector<std::pair<std::string, AgentStatus>> statuses() {
    std::lock_guard lock(mu_);
    return statuses_;
  }
  std::vector<std::pair<std::string, std::string>> titles() {
    std::lock_guard lock(mu_);
    return titles_;
  }

 private:
  std::mutex mu_;
  std::vector<std::pair<std::string, AgentStatus>> statuses_;
  std::vector<std::pair<std::string, std::string>> titles_;
};

grpc::Status CallSetStatus(const std::string& target, const std::string& token,
                           pb::Status status = pb::STATUS_WORKING) {
  auto channel = grpc::CreateChannel(target, grpc::InsecureChannelCredentials());
  auto stub = pb::GuestService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
  pb::SetStatusRequest request;
  request.set_status(status);
  pb::SetStatusResponse response;
  return stub->SetStatus(&context, request, &response);
}

class RecordingProbes : public StartProbes {
 public:
  absl::StatusOr<std::string> BeginProbe(const std::string& session_id) override {
    pb::ProbeRequest request;
    request.add_sockets("for " + session_id);
    return request.SerializeAsString();
  }
  absl::Status FinishProbe(const std::string& session_id, const std::string& report) override {
    std::lock_guard lock(mu_);
    pb::ProbeReport parsed;
    if (!parsed.ParseFromString(report)) return DataLoss("not a report");
    reports_.emplace_back(
        session_id, Format("{}", parsed.processes_size() == 1 ? parsed.processes(0).pid() : 0));
    return FailedPrecondition("not as it should be");
  }
  std::vector<std::pair<std::string, std::string>> reports() {
    std::lock_guard lock(mu_);
    return reports_;
  }

 private:
  std::mutex mu_;
  std::vector<std::pair<std::string, std::string>> reports_;
};

// What BeginProbe gives, then FinishProbe's status.
std::pair<std::string, grpc::Status> CallProbe(const std::string& target,
                                               const std::string& token) {
  auto stub =
      pb::GuestService::NewStub(grpc::CreateChannel(target, grpc::InsecureChannelCredentials()));
  const auto prepare = [&](grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
    context.AddMetadata("authorization", "Bearer " + token);
  };
  grpc::ClientContext begin;
  prepare(begin);
  pb::BeginProbeResponse begun;
  const grpc::Status first = stub->BeginProbe(&begin, {}, &begun);
  if (!first.ok()) return {"", first};
  grpc::ClientContext finish;
  prepare(finish);
  pb::FinishProbeRequest request;
  pb::ProbeReport report;
  report.add_processes()->set_pid(7);
  request.set_report(report.SerializeAsString());
  pb::FinishProbeResponse finished;
  return {begun.probe().sockets_size() == 1 ? begun.probe().sockets(0) : "",
          stub->FinishProbe(&finish, request, &finished)};
}

struct Fixture {
  explicit Fixture(const GuestBridge::Limits& limits = {})
      : bridge(loop, executor, actions, limits) {
    // As the daemon does: the library's end would wait for its poller.
    grpc_init();
  }

  test::TempDir dir;
  ThreadPool executor{"test", 1, 3};
  EventLoop loop;
  RecordingActions actions;
  GuestBridge bridge;
  const Secret token_a{"token-of-a"};
  const Secret token_b{"token-of-b"};

  std::string SocketOf(const std::string& id) {
    return "unix:" + (dir / id / "bridge.sock").string();
  }
  std::uint16_t Open(const std::string& id, const Secret& token, std::uint16_t port = 0) {
    return test::Must(bridge.Open(
        id, token, {.socket_dir = dir / id, .tcp_address = "127.0.0.1", .tcp_port = port}));
  }
};

TEST_CASE("GuestBridge: a status reaches the session of the token, over the socket and over TCP") {
  Fixture f;
  const std::uint16_t port = f.Open("a", f.token_a);
  CHECK(CallSetStatus(f.SocketOf("a"), "token-of-a").ok());
  CHECK(CallSetStatus("127.0.0.1:" + std::to_string(port), "token-of-a", pb::STATUS_DONE).ok());
  const std::vector<std::pair<std::string, AgentStatus>> expected = {{"a", AgentStatus::kWorking},
                                                                     {"a", AgentStatus::kDone}};
  CHECK(f.actions.statuses() == expected);
}

TEST_CASE("GuestBridge: a report is its token's session's, and the verdict comes back") {
  Fixture f;
  RecordingProbes probes;
  f.Open("a", f.token_a);
  f.Open("b", f.token_b);
  CHECK(CallProbe(f.SocketOf("a"), "token-of-a").second.error_code() ==
        grpc::StatusCode::FAILED_PRECONDITION);
  f.bridge.TakeProbes(probes);
  const auto [asked, verdict] = CallProbe(f.SocketOf("a"), "token-of-a");
  CHECK(asked == "for a");
  CHECK(verdict.error_code() == grpc::StatusCode::FAILED_PRECONDITION);
  CHECK(verdict.error_message() == "not as it should be");
  CHECK(CallProbe(f.SocketOf("a"), "token-of-b").second.error_code() ==
        grpc::StatusCode::UNAUTHENTICATED);
  const std::vector<std::pair<std::string, std::string>> expected = {{"a", "7"}};
  CHECK(probes.reports() == expected);
}

TEST_CASE("GuestBridge: a missing, wrong or unspecified word changes nothing") {
  Fixture f;
  f.Open("a", f.token_a);
  CHECK(CallSetStatus(f.SocketOf("a"), "").error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(CallSetStatus(f.SocketOf("a"), "token-of-").error_code() ==
        grpc::StatusCode::UNAUTHENTICATED);
  CHECK(CallSetStatus(f.SocketOf("a"), "token-of-a", pb::STATUS_UNSPECIFIED).error_code() ==
        grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(f.actions.statuses().empty());
}

TEST_CASE("guest: T4, a token of one sandbox is refused on another's socket and port") {
  Fixture f;
  f.Open("a", f.token_a);
  const std::uint16_t port_b = f.Open("b", f.token_b);
  CHECK(CallSetStatus(f.SocketOf("b"), "token-of-a").error_code() ==
        grpc::StatusCode::UNAUTHENTICATED);
  CHECK(CallSetStatus("127.0.0.1:" + std::to_string(port_b), "token-of-a").error_code() ==
        grpc::StatusCode::UNAUTHENTICATED);
  CHECK(f.actions.statuses().empty());
  // Control: the same call with the listener's own token goes through.
  CHECK(CallSetStatus(f.SocketOf("b"), "token-of-b").ok());
  REQUIRE(f.actions.statuses().size() == 1);
  CHECK(f.actions.statuses().front().first == "b");
}

TEST_CASE("guest: a token of a closed session is refused, also on a connection that is open") {
  Fixture f;
  f.Open("a", f.token_a);
  auto channel = grpc::CreateChannel(f.SocketOf("a"), grpc::InsecureChannelCredentials());
  auto stub = pb::GuestService::NewStub(channel);
  const auto heartbeat = [&] {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer token-of-a");
    pb::HeartbeatResponse response;
    return stub->Heartbeat(&context, {}, &response);
  };
  REQUIRE(heartbeat().ok());
  f.bridge.Close("a");
  CHECK_FALSE(heartbeat().ok());
  CHECK_FALSE(std::filesystem::exists(f.dir / "a"));
}

// RFC 5737: an address for documentation is nobody's.
TEST_CASE("GuestBridge: a sandbox opens before its network's address is there, with its port") {
  Fixture f;
  const GuestBridge::Endpoints away{.socket_dir = f.dir / "a", .tcp_address = "192.0.2.1"};
  const std::uint16_t port = test::Must(f.bridge.Open("a", f.token_a, away));
  CHECK(port != 0);
  CHECK(CallSetStatus(f.SocketOf("a"), "token-of-a").ok());
  f.bridge.Close("a");
  // The port that a restarted daemon has on record is kept.
  GuestBridge::Endpoints again = away;
  again.tcp_port = port;
  CHECK(test::Must(f.bridge.Open("a", f.token_a, again)) == port);
  CHECK_FALSE(f.bridge.Open("b", f.token_b, {.socket_dir = f.dir / "b", .tcp_address = "x"}).ok());
}

TEST_CASE("GuestBridge: the same directory, port and token work again after a restart") {
  Fixture f;
  const std::uint16_t port = f.Open("a", f.token_a);
  f.bridge.Stop();
  GuestBridge second(f.loop, f.executor, f.actions);
  CHECK(test::Must(second.Open(
            "a", f.token_a,
            {.socket_dir = f.dir / "a", .tcp_address = "127.0.0.1", .tcp_port = port})) == port);
  CHECK(CallSetStatus(f.SocketOf("a"), "token-of-a").ok());
  CHECK(CallSetStatus("127.0.0.1:" + std::to_string(port), "token-of-a").ok());
}

TEST_CASE("GuestBridge: a message above 1 MiB is refused") {
  Fixture f;
  f.Open("a", f.token_a);
  auto stub = pb::GuestService::NewStub(
      grpc::CreateChannel(f.SocketOf("a"), grpc::InsecureChannelCredentials()));
  const auto send = [&](std::size_t size) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer token-of-a");
    pb::SetTitleRequest request;
    request.set_title(std::string(size, 'x'));
    pb::SetTitleResponse response;
    return stub->SetTitle(&context, request, &response);
  };
  CHECK(send(2u << 20).error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(f.actions.titles().empty());
  CHECK(send(100).ok());
}

UniqueFd ConnectTcp(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

bool IsClosed(const UniqueFd& fd) {
  pollfd state{.fd = fd.get(), .events = POLLRDHUP, .revents = 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

TEST_CASE("guest: T8, connections above a listener's limit are closed, and ended ones make room") {
  Fixture f(GuestBridge::Limits{.connections = 4});
  const std::uint16_t port = f.Open("a", f.token_a);
  const std::string tcp = "127.0.0.1:" + std::to_string(port);
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 12; ++i) idle.push_back(ConnectTcp(port));
  const auto closed = [&] { return std::count_if(idle.begin(), idle.end(), &IsClosed); };
  CHECK(test::WaitUntil([&] { return closed() == 8; }));
  CHECK(CallSetStatus(tcp, "token-of-a").error_code() == grpc::StatusCode::UNAVAILABLE);
  // Who fills the port, another sandbox on the same network say, does not fill the socket.
  CHECK(CallSetStatus(f.SocketOf("a"), "token-of-a").ok());
  idle.clear();
  CHECK(test::WaitUntil([&] { return CallSetStatus(tcp, "token-of-a").ok(); }));
}

TEST_CASE("guest: T8, control: below the limit the same connections stay and leave room") {
  Fixture f(GuestBridge::Limits{.connections = 20});
  const std::uint16_t port = f.Open("a", f.token_a);
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 12; ++i) idle.push_back(ConnectTcp(port));
  // Accepted in order: when the call is answered, all before it were looked at.
  CHECK(CallSetStatus("127.0.0.1:" + std::to_string(port), "token-of-a").ok());
  CHECK(std::none_of(idle.begin(), idle.end(), &IsClosed));
}

TEST_CASE("guest: T8, all sandboxes' connections together have a limit") {
  const auto still_open = [](std::size_t limit) {
    Fixture f(GuestBridge::Limits{.connections = 8, .all_connections = limit});
    const std::uint16_t ports[] = {f.Open("a", f.token_a), f.Open("b", f.token_b)};
    std::vector<UniqueFd> idle;
    for (const std::uint16_t port : ports) {
      for (int i = 0; i < 6; ++i) idle.push_back(ConnectTcp(port));
      // Waits for the listener to have looked at them, whatever the answer.
      CallSetStatus("127.0.0.1:" + std::to_string(port), "token-of-a");
    }
    return std::count_if(idle.begin(), idle.end(),
                         [](const UniqueFd& fd) { return !IsClosed(fd); });
  };
  CHECK(still_open(6) == 6);
  // Control: without that limit each listener has its own only.
  CHECK(still_open(1000) == 12);
}

TEST_CASE("guest: T8, connections that come and go do not use the limit up") {
  Fixture f(GuestBridge::Limits{.connections = 4});
  const std::uint16_t port = f.Open("a", f.token_a);
  const std::string tcp = "127.0.0.1:" + std::to_string(port);
  for (int i = 0; i < 20; ++i) {
    CHECK(test::WaitUntil([&] { return CallSetStatus(tcp, "token-of-a").ok(); }));
    CHECK(test::WaitUntil([&] { return CallSetStatus(f.SocketOf("a"), "token-of-a").ok(); }));
  }
}

TEST_CASE("guest: T8, calls above a sandbox's budget are refused, another's are not") {
  Fixture f(GuestBridge::Limits{.calls_per_second = 0.001, .burst = 5});
  f.Open("a", f.token_a);
  f.Open("b", f.token_b);
  int passed = 0;
  for (int i = 0; i < 20; ++i) {
    const grpc::Status status = CallSetStatus(f.SocketOf("a"), "token-of-a");
    if (status.ok())
      ++passed;
    else
      CHECK(status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  }
  CHECK(passed == 5);
  CHECK(CallSetStatus(f.SocketOf("b"), "token-of-b").ok());
}

TEST_CASE("guest: T8, control: with a budget for them the same calls go through") {
  Fixture f(GuestBridge::Limits{.calls_per_second = 1e6, .burst = 1e6});
  f.Open("a", f.token_a);
  for (int i = 0; i < 20; ++i) CHECK(CallSetStatus(f.SocketOf("a"), "token-of-a").ok());
  CHECK(f.actions.statuses().size() == 20);
}

TEST_CASE("guest: T8, calls that do not end hold one worker, and only so many wait") {
  Fixture f(GuestBridge::Limits{.waiting_calls = 6});
  f.Open("a", f.token_a);
  f.Open("b", f.token_b);
  f.actions.a_hangs = true;
  std::atomic<int> refused{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 10; ++i) {
    callers.emplace_back([&] {
      if (CallSetStatus(f.SocketOf("a"), "token-of-a").error_code() ==
          grpc::StatusCode::RESOURCE_EXHAUSTED)
        ++refused;
    });
  }
  CHECK(test::WaitUntil([&] { return f.actions.hanging == 1 && refused == 4; }));
  CHECK(CallSetStatus(f.SocketOf("b"), "token-of-b").ok());
  CHECK(f.actions.hanging == 1);
  f.actions.a_hangs = false;
  for (std::thread& caller : callers) caller.join();
  CHECK(f.actions.statuses().size() == 7);
}

TEST_CASE("guest: T8, control: with room for all of them no waiting call is refused") {
  Fixture f(GuestBridge::Limits{.waiting_calls = 1000});
  f.Open("a", f.token_a);
  f.actions.a_hangs = true;
  std::atomic<int> passed{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 10; ++i) {
    callers.emplace_back([&] {
      if (CallSetStatus(f.SocketOf("a"), "token-of-a").ok()) ++passed;
    });
  }
  CHECK(test::WaitUntil([&] { return f.actions.hanging == 1; }));
  f.actions.a_hangs = false;
  for (std::thread& caller : callers) caller.join();
  CHECK(passed == 10);
}

// Calls without a token until `count` were refused; whether the connection was cut.
bool GuessingCuts(std::size_t limit, int count) {
  Fixture f(GuestBridge::Limits{.refusals = limit});
  f.Open("a", f.token_a);
  grpc::ChannelArguments once;
  once.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 60'000);
  auto channel =
      grpc::CreateCustomChannel(f.SocketOf("a"), grpc::InsecureChannelCredentials(), once);
  auto stub = pb::GuestService::NewStub(channel);
  const auto heartbeat = [&](const std::string& token) {
    grpc::ClientContext context;
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    pb::HeartbeatResponse response;
    return stub->Heartbeat(&context, {}, &response);
  };
  for (int i = 0; i < count; ++i) CHECK_FALSE(heartbeat("").ok());
  if (static_cast<std::size_t>(count) < limit) return !heartbeat("token-of-a").ok();
  return test::WaitUntil([&] { return channel->GetState(false) != GRPC_CHANNEL_READY; });
}

TEST_CASE("guest: a connection that guesses tokens is cut") {
  CHECK(GuessingCuts(3, 3));
  // Control: under the limit it serves whoever knows the token.
  CHECK_FALSE(GuessingCuts(1000, 10));
}

}  // namespace
}  // namespace workmux::daemon
