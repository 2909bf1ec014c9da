#include "daemon/rpc/stream_call.h"

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/component/rpc/daemon_call.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::InProcessDaemon;
using test::WaitUntil;
using Event = test::control::AgentEvent;
using Call = StreamCall<Event>;
using CallPtr = std::shared_ptr<Call>;

Event Numbered(std::uint64_t sequence) {
  Event event;
  event.set_sequence(sequence);
  return event;
}

void Serve(InProcessDaemon& daemon, std::function<void(const CallPtr&)> body) {
  daemon.stream = [&daemon, body = std::move(body)] { return Call::Start(daemon.pool, body); };
}

struct Outcome {
  std::vector<std::uint64_t> sequence;
  absl::Status status;
};

Outcome ReadAll(InProcessDaemon& daemon) {
  grpc::ClientContext context;
  auto reader = daemon.agent()->WatchAgents(&context, {});
  Outcome outcome;
  for (Event event; reader->Read(&event);) outcome.sequence.push_back(event.sequence());
  outcome.status = FromGrpc(reader->Finish());
  return outcome;
}

TEST_CASE("StreamCall: what is sent arrives in order, then the status") {
  InProcessDaemon daemon;
  Serve(daemon, [](const CallPtr& call) {
    for (std::uint64_t i = 1; i <= 100; ++i) call->Send(Numbered(i));
    call->End(WithReason(Aborted("over"), "OVER"));
  });
  const Outcome outcome = ReadAll(daemon);
  REQUIRE(outcome.sequence.size() == 100);
  for (std::size_t i = 0; i < 100; ++i) CHECK(outcome.sequence[i] == i + 1);
  CHECK_CODE(outcome.status, absl::StatusCode::kAborted);
  CHECK(ReasonOf(outcome.status) == "OVER");
}

TEST_CASE("StreamCall: many threads may send") {
  InProcessDaemon daemon;
  Serve(daemon, [](const CallPtr& call) {
    std::vector<std::thread> senders;
    for (int t = 0; t < 4; ++t) {
      senders.emplace_back([call] {
        for (std::uint64_t i = 0; i < 50; ++i) call->Send(Numbered(i));
      });
    }
    for (std::thread& sender : senders) sender.join();
    call->End(absl::OkStatus());
  });
  const Outcome outcome = ReadAll(daemon);
  CHECK(outcome.sequence.size() == 200);
  CHECK_OK(outcome.status);
}

TEST_CASE("StreamCall: what is sent after the end is dropped, and a second end changes nothing") {
  InProcessDaemon daemon;
  Serve(daemon, [](const CallPtr& call) {
    call->Send(Numbered(1));
    call->End(absl::OkStatus());
    call->Send(Numbered(2));
    call->End(Internal("late"));
  });
  const Outcome outcome = ReadAll(daemon);
  CHECK(outcome.sequence == std::vector<std::uint64_t>{1});
  CHECK_OK(outcome.status);
}

TEST_CASE("StreamCall: an exception of the body ends the stream with INTERNAL") {
  InProcessDaemon daemon;
  Serve(daemon, [](const CallPtr& call) {
    call->Send(Numbered(1));
    throw std::runtime_error("boom");
  });
  const Outcome outcome = ReadAll(daemon);
  CHECK_CODE(outcome.status, absl::StatusCode::kInternal);
  CHECK_THAT(MessageOf(outcome.status), Catch::Contains("boom"));
}

TEST_CASE("StreamCall: a client that goes away is reported exactly once") {
  InProcessDaemon daemon;
  std::atomic<int> lost{0};
  std::atomic<bool> stopped{false};
  std::weak_ptr<Call> weak;
  Serve(daemon, [&](const CallPtr& call) {
    weak = call;
    call->OnLost([&lost, call] {
      ++lost;
      call->End(Cancelled("gone"));
    });
    call->Send(Numbered(1));
    std::stop_callback on_stop(call->stop_token(), [&] { stopped = true; });
    WaitUntil([&] { return stopped.load(); });
  });
  {
    grpc::ClientContext context;
    auto reader = daemon.agent()->WatchAgents(&context, {});
    Event event;
    REQUIRE(reader->Read(&event));
    context.TryCancel();
    CHECK(reader->Finish().error_code() == grpc::StatusCode::CANCELLED);
  }
  CHECK(WaitUntil([&] { return stopped.load(); }));
  CHECK(WaitUntil([&] { return lost == 1; }));
  // Freed when gRPC and the body have let go of it.
  CHECK(WaitUntil([&] { return weak.expired(); }));
  CHECK(lost == 1);
}

TEST_CASE("StreamCall: who asks after the client has gone is told as well") {
  InProcessDaemon daemon;
  std::atomic<int> lost{0};
  std::atomic<bool> asked{false};
  Serve(daemon, [&](const CallPtr& call) {
    call->Send(Numbered(1));
    WaitUntil([&] { return call->stop_token().stop_requested(); });
    call->OnLost([&lost, call] {
      ++lost;
      call->End(Cancelled("gone"));
    });
    asked = true;
  });
  grpc::ClientContext context;
  auto reader = daemon.agent()->WatchAgents(&context, {});
  Event event;
  REQUIRE(reader->Read(&event));
  context.TryCancel();
  reader->Finish();
  CHECK(WaitUntil([&] { return asked && lost == 1; }));
}

TEST_CASE("StreamCall: an end of its own is no loss") {
  InProcessDaemon daemon;
  std::atomic<int> lost{0};
  Serve(daemon, [&](const CallPtr& call) {
    call->OnLost([&lost] { ++lost; });
    call->End(absl::OkStatus());
  });
  CHECK_OK(ReadAll(daemon).status);
  daemon.pool.Drain();
  CHECK(lost == 0);
}

TEST_CASE("StreamCall: a server that stops ends its streams") {
  std::atomic<int> lost{0};
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<Event>> reader;
  {
    InProcessDaemon daemon;
    Serve(daemon, [&](const CallPtr& call) {
      call->OnLost([&lost, call] {
        ++lost;
        call->End(Unavailable("stopping"));
      });
      call->Send(Numbered(1));
    });
    reader = daemon.agent()->WatchAgents(&context, {});
    Event event;
    REQUIRE(reader->Read(&event));
  }
  CHECK(lost == 1);
  CHECK_FALSE(reader->Finish().ok());
}

}  // namespace
}  // namespace workmux::daemon
