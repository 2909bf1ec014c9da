#include "daemon/rpc/stream_call.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>

#include <atomic>
#include <thread>

#include "common/io/socket.h"
#include "daemon/async/thread_pool.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/wait_until.h"
#include "workmux/control/v1/agent.grpc.pb.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::control::v1;
using Call = StreamCall<pb::AgentEvent>;

// WatchAgents as each test wants it.
class Service : public pb::AgentService::CallbackService {
 public:
  Service(Executor& executor, std::function<void(std::shared_ptr<Call>)> body)
      : executor_(executor), body_(std::move(body)) {}
  grpc::ServerWriteReactor<pb::AgentEvent>* WatchAgents(grpc::CallbackServerContext*,
                                                        const pb::WatchAgentsRequest*) override {
    return Call::Start(executor_, body_);
  }

 private:
  Executor& executor_;
  std::function<void(std::shared_ptr<Call>)> body_;
};

struct Fixture {
  explicit Fixture(std::function<void(std::shared_ptr<Call>)> body)
      : service(executor, std::move(body)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + (dir / "s").string(), grpc::InsecureServerCredentials());
    builder.RegisterService(&service);
    server = builder.BuildAndStart();
    stub = pb::AgentService::NewStub(
        grpc::CreateChannel("unix:" + (dir / "s").string(), grpc::InsecureChannelCredentials()));
  }
  ~Fixture() {
    server->Shutdown(std::chrono::system_clock::now());
    server->Wait();
    executor.Drain();
  }

  test::TempDir dir;
  ThreadPool executor{"test", 1, 4};
  Service service;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<pb::AgentService::Stub> stub;
};

pb::AgentEvent EventOf(std::size_t bytes) {
  pb::AgentEvent event;
  event.set_gone_pane_id(std::string(bytes, 'x'));
  return event;
}

TEST_CASE("StreamCall: a client that does not read is given up before it costs much memory") {
  std::atomic<bool> lost{false};
  std::atomic<std::size_t> sent{0};
  Fixture f([&](std::shared_ptr<Call> call) {
    call->OnLost([&] { lost = true; });
    // Without a bound this ends by itself only after 2 GiB.
    while (!call->stop_token().stop_requested() && sent < 2000) {
      call->Send(EventOf(1u << 20));
      ++sent;
    }
  });
  grpc::ClientContext context;
  auto reader = f.stub->WatchAgents(&context, {});
  CHECK(test::WaitUntil([&] { return lost.load(); }));
  CHECK(sent < 64);
  context.TryCancel();
  reader->Finish();
}

TEST_CASE("StreamCall: what is sent to a client that reads arrives whole and in order") {
  constexpr int kCount = 1000;
  Fixture f([&](const std::shared_ptr<Call>& call) {
    for (int i = 0; i < kCount; ++i) {
      pb::AgentEvent event = EventOf(1000);
      event.set_sequence(static_cast<std::uint64_t>(i));
      call->Send(std::move(event));
    }
    call->End(absl::OkStatus());
  });
  grpc::ClientContext context;
  auto reader = f.stub->WatchAgents(&context, {});
  pb::AgentEvent event;
  std::uint64_t next = 0;
  while (reader->Read(&event)) {
    REQUIRE(event.sequence() == next);
    ++next;
  }
  CHECK(next == kCount);
  CHECK(reader->Finish().ok());
}

TEST_CASE("StreamCall: an end may free what takes a lock that a sender holds") {
  Mutex mu;  // as a tracker's: held while it sends, taken by what the callback captured
  struct Holder {
    explicit Holder(Mutex& m) : mu(m) {}
    ~Holder() { MutexLock lock(mu); }
    Mutex& mu;
  };
  std::atomic<bool> done{false};
  Fixture f([&](const std::shared_ptr<Call>& call) {
    std::thread sender([&] {
      for (int i = 0; i < 2000; ++i) {
        MutexLock lock(mu);
        call->Send(EventOf(10));
      }
    });
    call->OnLost([holder = std::make_shared<Holder>(mu)] {});
    call->End(absl::OkStatus());
    sender.join();
    done = true;
  });
  grpc::ClientContext context;
  auto reader = f.stub->WatchAgents(&context, {});
  pb::AgentEvent event;
  while (reader->Read(&event)) {
  }
  CHECK(reader->Finish().ok());
  CHECK(test::WaitUntil([&] { return done.load(); }));
}

}  // namespace
}  // namespace workmux::daemon
