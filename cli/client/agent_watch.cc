#include "cli/client/agent_watch.h"

#include <thread>

#include "cli/client/channel.h"
#include "common/base/status.h"
#include "workmux/control/v1/agent.grpc.pb.h"

namespace workmux::cli {

namespace pb = control::v1;

class AgentWatch::Worker {
 public:
  Worker(UniqueFd socket, EventFn on_event)
      : stub_(MakeChannel(std::move(socket))), on_event_(std::move(on_event)) {
    AddClientMetadata(context_);
    reader_ = stub_.WatchAgents(&context_, pb::WatchAgentsRequest());
    thread_ = std::thread([this] {
      pb::AgentEvent event;
      while (reader_->Read(&event)) on_event_(event);
      (void)reader_->Finish();
    });
  }

  ~Worker() {
    context_.TryCancel();
    thread_.join();
  }

 private:
  pb::AgentService::Stub stub_;
  EventFn on_event_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<pb::AgentEvent>> reader_;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<AgentWatch>> AgentWatch::Start(const DaemonLauncher& launcher,
                                                              EventFn on_event) {
  WM_ASSIGN_OR_RETURN(UniqueFd socket, launcher.Connect(StartPolicy::kNever));
  return std::unique_ptr<AgentWatch>(
      new AgentWatch(std::make_unique<Worker>(std::move(socket), std::move(on_event))));
}

AgentWatch::AgentWatch(std::unique_ptr<Worker> worker) : worker_(std::move(worker)) {}
AgentWatch::~AgentWatch() = default;

}  // namespace workmux::cli
