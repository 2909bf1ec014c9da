#include "daemon/rpc/unary_call.h"

#include <atomic>
#include <stdexcept>

#include "tests/component/rpc/daemon_call.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::daemon {
namespace {

using test::InProcessDaemon;
using Response = test::control::GetInfoResponse;

struct Answer {
  absl::Status status;
  Response response;
};

Answer Call(InProcessDaemon& daemon, UnaryCall<Response>::Body body) {
  auto shared = std::make_shared<UnaryCall<Response>::Body>(std::move(body));
  daemon.unary = [&daemon, shared](grpc::CallbackServerContext*, Response* response) {
    return UnaryCall<Response>::Start(daemon.pool, response,
                                      [shared](std::stop_token stop) { return (*shared)(stop); });
  };
  grpc::ClientContext context;
  Answer answer;
  answer.status = FromGrpc(daemon.daemon()->GetInfo(&context, {}, &answer.response));
  return answer;
}

TEST_CASE("UnaryCall: the body's answer reaches the client") {
  InProcessDaemon daemon;
  const Answer answer = Call(daemon, [](std::stop_token) -> absl::StatusOr<Response> {
    Response response;
    response.set_pid(42);
    return response;
  });
  CHECK_OK(answer.status);
  CHECK(answer.response.pid() == 42);
}

TEST_CASE("UnaryCall: an error keeps its reason and hint") {
  InProcessDaemon daemon;
  const Answer answer = Call(daemon, [](std::stop_token) -> absl::StatusOr<Response> {
    return WithHint(WithReason(NotFound("no worktree x"), "NO_WORKTREE"), "run: workmux list");
  });
  CHECK_CODE(answer.status, absl::StatusCode::kNotFound);
  CHECK(MessageOf(answer.status) == "no worktree x");
  CHECK(ReasonOf(answer.status) == "NO_WORKTREE");
  CHECK(HintOf(answer.status) == "run: workmux list");
}

TEST_CASE("UnaryCall: an exception of the body is INTERNAL and the daemon lives") {
  InProcessDaemon daemon;
  const Answer answer = Call(daemon, [](std::stop_token) -> absl::StatusOr<Response> {
    throw std::runtime_error("boom");
  });
  CHECK_CODE(answer.status, absl::StatusCode::kInternal);
  CHECK_THAT(MessageOf(answer.status), Catch::Contains("boom"));
  CHECK_OK(
      Call(daemon, [](std::stop_token) -> absl::StatusOr<Response> { return Response(); }).status);
}

TEST_CASE("UnaryCall: a client that cancels stops the body") {
  InProcessDaemon daemon;
  std::atomic<bool> started{false};
  std::atomic<bool> stopped{false};
  daemon.unary = [&](grpc::CallbackServerContext*, Response* response) {
    return UnaryCall<Response>::Start(
        daemon.pool, response, [&](std::stop_token stop) -> absl::StatusOr<Response> {
          started = true;
          stopped = test::WaitUntil([&] { return stop.stop_requested(); });
          return Cancelled("stopped");
        });
  };
  grpc::ClientContext context;
  std::thread canceller([&] {
    test::WaitUntil([&] { return started.load(); });
    context.TryCancel();
  });
  Response response;
  CHECK(daemon.daemon()->GetInfo(&context, {}, &response).error_code() ==
        grpc::StatusCode::CANCELLED);
  canceller.join();
  CHECK(test::WaitUntil([&] { return stopped.load(); }));
}

TEST_CASE("UnaryCall: what the body holds is gone when the client hears of the end") {
  InProcessDaemon daemon;
  auto held = std::make_shared<int>(1);
  std::weak_ptr<int> watch = held;
  daemon.unary = [&](grpc::CallbackServerContext*, Response* response) {
    return UnaryCall<Response>::Start(
        daemon.pool, response,
        [held = std::move(held)](std::stop_token) -> absl::StatusOr<Response> {
          return Response();
        });
  };
  grpc::ClientContext context;
  Response response;
  CHECK(daemon.daemon()->GetInfo(&context, {}, &response).ok());
  CHECK(watch.expired());
}

}  // namespace
}  // namespace workmux::daemon
