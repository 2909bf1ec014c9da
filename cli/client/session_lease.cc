#include "cli/client/session_lease.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/client/channel.h"
#include "cli/client/rpc_error.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/unique_fd.h"
#include "workmux/control/v1/sandbox.grpc.pb.h"

namespace workmux::cli {
namespace {

namespace pb = control::v1;
using std::chrono::seconds;
using Stub = pb::SandboxService::Stub;
using Reader = std::unique_ptr<grpc::ClientReader<pb::OpenSessionEvent>>;

constexpr seconds kFirstWait{1};
constexpr seconds kLongestWait{30};
constexpr seconds kCloseLimit{10};
constexpr seconds kStopLimit{15};
constexpr int kHighestDescriptor = 255;

}  // namespace

absl::StatusOr<Command> CommandFromPlan(const pb::ExecPlan& plan) {
  if (plan.argv().empty()) return Internal("the daemon sent a plan without a program");
  Command command;
  command.argv.assign(plan.argv().begin(), plan.argv().end());
  command.cwd = plan.cwd();
  command.ignore_keyboard_signals = plan.ignore_keyboard_signals();
  command.env.insert(plan.env().begin(), plan.env().end());
  for (const auto& file : plan.files()) {
    if (file.number() < 3 || file.number() > kHighestDescriptor) {
      return InvalidArgument("the daemon's plan names descriptor {}", file.number());
    }
    command.files.push_back({.number = file.number(), .content = file.content()});
  }
  return command;
}

class SessionLease::Worker {
 public:
  Worker(const DaemonLauncher& launcher, const pb::OpenSessionRequest& request, Callbacks callbacks)
      : launcher_(launcher),
        request_(request),
        callbacks_(std::move(callbacks)),
        event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        thread_([this] { Run(); }) {}

  ~Worker() {
    Cancel();
    thread_.join();
    if (stopper_.joinable()) stopper_.join();
  }

  int event_fd() const { return event_.get(); }

  State state() {
    eventfd_t ignored = 0;
    ::eventfd_read(event_.get(), &ignored);
    MutexLock lock(mu_);
    return state_;
  }

  void Cancel() {
    MutexLock lock(mu_);
    done_ = true;
    if (context_ != nullptr) context_->TryCancel();
    changed_.notify_all();
  }

  void RequestStop() {
    if (stopper_.joinable()) return;
    stopper_ = std::thread([this] {
      pb::StopSessionRequest request;
      request.set_session_id(session_id());
      // Whatever the answer: what follows is ending the processes ourselves.
      (void)Call(&Stub::StopSession, request, kStopLimit);
      Update([](State& state) { state.stop_answered = true; });
    });
  }

  absl::StatusOr<Verdict> Close(const ExitStatus& exit) {
    pb::CloseSessionRequest request;
    request.set_session_id(session_id());
    request.mutable_exit()->set_code(exit.code);
    request.mutable_exit()->set_signal(exit.signal);
    WM_ASSIGN_OR_RETURN(const pb::CloseSessionResponse response,
                        Call(&Stub::CloseSession, request, kCloseLimit));
    return Verdict{.exit_code = response.exit_code(),
                   .start_failure = response.start_failure(),
                   .reason = response.start_reason(),
                   .hint = response.start_hint()};
  }

 private:
  // A connection of its own: the lease's may just have broken.
  template <class Request, class Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request, seconds limit) {
    WM_ASSIGN_OR_RETURN(UniqueFd socket, launcher_.Connect(StartPolicy::kNever));
    Stub stub(MakeChannel(std::move(socket)));
    grpc::ClientContext context;
    AddClientMetadata(context);
    context.set_deadline(std::chrono::system_clock::now() + limit);
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return FromDaemon(status);
    return response;
  }

  template <class Change>
  void Update(Change change) {
    {
      MutexLock lock(mu_);
      change(state_);
    }
    ::eventfd_write(event_.get(), 1);
  }

  std::string session_id() {
    MutexLock lock(mu_);
    return state_.plan ? state_.plan->session_id : std::string();
  }

  // The terminal is the program's now: nothing more is shown.
  bool ready() { return !session_id().empty(); }

  void Run() {
    const absl::Status opened =
        Stream(StartPolicy::kIfNeeded, [this](Stub& stub, grpc::ClientContext& context) {
          return stub.OpenSession(&context, request_);
        });
    const std::string id = session_id();
    if (id.empty()) {
      Update([&](State& state) {
        if (!state.failure)
          state.failure = opened.ok() ? Internal("the daemon opened no session") : opened;
      });
      return;
    }
    pb::ResumeSessionRequest resume;
    resume.set_session_id(id);
    seconds wait = kFirstWait;
    while (WaitFor(wait)) {
      const auto before = std::chrono::steady_clock::now();
      const absl::Status ended =
          Stream(StartPolicy::kUnlessStopped, [&](Stub& stub, grpc::ClientContext& context) {
            return stub.ResumeSession(&context, resume);
          });
      // The daemon has no such session: asking again would not bring it back.
      if (absl::IsNotFound(ended)) return;
      const bool held = std::chrono::steady_clock::now() - before > kLongestWait;
      wait = held ? kFirstWait : std::min(wait * 2, kLongestWait);
    }
  }

  // False once the lease is over.
  bool WaitFor(seconds wait) {
    mu_.Lock();
    changed_.wait_for(mu_, wait, [this]() WM_REQUIRES(mu_) { return done_; });
    const bool go_on = !done_ && !state_.revoked;
    mu_.Unlock();
    return go_on;
  }

  template <class Start>
  absl::Status Stream(StartPolicy policy, Start start) {
    WM_ASSIGN_OR_RETURN(UniqueFd socket, launcher_.Connect(policy));
    Stub stub(MakeChannel(std::move(socket)));
    grpc::ClientContext context;
    AddClientMetadata(context);
    {
      MutexLock lock(mu_);
      if (done_) return Cancelled("interrupted");
      context_ = &context;
    }
    const Reader reader = start(stub, context);
    pb::OpenSessionEvent event;
    while (reader->Read(&event)) Handle(event);
    const grpc::Status status = reader->Finish();
    MutexLock lock(mu_);
    context_ = nullptr;
    return FromDaemon(status);
  }

  void Handle(const pb::OpenSessionEvent& event) {
    switch (event.event_case()) {
      case pb::OpenSessionEvent::kProgress:
        if (callbacks_.on_progress && !ready())
          callbacks_.on_progress(event.progress().title(), event.progress().detail());
        return;
      case pb::OpenSessionEvent::kWarning:
        if (callbacks_.on_warning && !ready()) callbacks_.on_warning(event.warning().message());
        return;
      case pb::OpenSessionEvent::kRevoked:
        Update([&](State& state) {
          const std::string& reason = event.revoked().reason();
          state.revoked = WithReason(Aborted("{}", event.revoked().message()), reason);
        });
        return;
      case pb::OpenSessionEvent::kReady:
        TakePlan(event.ready());
        return;
      case pb::OpenSessionEvent::EVENT_NOT_SET:
        return;
    }
  }

  void TakePlan(const pb::OpenSessionEvent::Ready& ready) {
    if (!ready.has_plan()) return;  // resumed
    auto command = CommandFromPlan(ready.plan());
    Update([&](State& state) {
      if (command.ok()) {
        state.plan = SessionPlan{.session_id = ready.session_id(),
                                 .backend = ready.backend(),
                                 .command = *std::move(command)};
      } else {
        state.failure = command.status();
      }
    });
  }

  const DaemonLauncher& launcher_;
  const pb::OpenSessionRequest& request_;
  Callbacks callbacks_;
  UniqueFd event_;
  Mutex mu_;
  CondVar changed_;
  State state_ WM_GUARDED_BY(mu_);
  bool done_ WM_GUARDED_BY(mu_) = false;
  grpc::ClientContext* context_ WM_GUARDED_BY(mu_) = nullptr;
  std::thread stopper_;
  std::thread thread_;  // last: it uses all of the above
};

SessionLease::SessionLease(const DaemonLauncher& launcher, const pb::OpenSessionRequest& request,
                           Callbacks callbacks)
    : worker_(std::make_unique<Worker>(launcher, request, std::move(callbacks))) {}
SessionLease::~SessionLease() = default;
int SessionLease::event_fd() const { return worker_->event_fd(); }
SessionLease::State SessionLease::state() { return worker_->state(); }
void SessionLease::RequestStop() { worker_->RequestStop(); }
absl::StatusOr<SessionLease::Verdict> SessionLease::Close(const ExitStatus& exit) {
  return worker_->Close(exit);
}
void SessionLease::Cancel() { worker_->Cancel(); }

}  // namespace workmux::cli
