#include "daemon/rpc/agent_service.h"

#include <atomic>
#include <optional>

#include "common/log/log.h"
#include "daemon/domain/caller_pane.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/unary_call.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::control::v1;

void FillRecord(const AgentRecord& record, pb::Agent& agent) {
  agent.set_worktree(record.worktree.filename().string());
  agent.set_branch(record.branch);
  agent.set_status(ToWire(record.status));
  agent.set_status_unix_seconds(record.status_since);
  agent.set_title(record.title);
  agent.set_pane_id(record.pane.pane_id);
  agent.set_workdir(record.workdir.string());
  agent.set_agent_kind(record.agent_kind);
  agent.set_updated_unix_seconds(record.updated);
  agent.set_repository(record.repository.string());
  agent.set_tmux_socket(record.pane.tmux_socket);
  agent.set_sandboxed(!record.session_id.empty());
  agent.set_session_id(record.session_id);
}

pb::Agent ToWire(const AgentQueries::AgentView& view) {
  pb::Agent agent;
  FillRecord(view.record, agent);
  agent.set_worktree(view.handle);
  agent.set_session(view.session_name);
  agent.set_window_name(view.window_name);
  if (view.has_staged) agent.set_has_staged(*view.has_staged);
  if (view.has_unstaged) agent.set_has_unstaged(*view.has_unstaged);
  if (view.has_unmerged_commits) agent.set_has_unmerged_commits(*view.has_unmerged_commits);
  return agent;
}

}  // namespace

AgentService::AgentService(Executor& executor, AgentTracker& agents, AgentQueries& queries,
                           Git& git, ConfigGate& config)
    : executor_(executor), agents_(agents), queries_(queries), git_(git), config_(config) {}

absl::StatusOr<pb::SetStatusResponse> AgentService::Apply(const Caller& caller,
                                                          AgentStatus status) {
  pb::SetStatusResponse response;
  // Hooks also run where there is no pane; that is no fault of theirs.
  const std::optional<CallerPane> pane = CallerPaneOf(caller);
  if (!pane) return response;
  AgentTracker::Facts facts{.workdir = caller.cwd};
  StatusIcons icons;
  if (const auto worktree = git_.Locate(caller.cwd); worktree.ok()) {
    facts.worktree = worktree->path;
    facts.repository = worktree->repository.common_dir;
    facts.branch = worktree->branch;
    // A broken configuration must not silence an agent: the default icons serve.
    if (const auto loaded = config_.Load(caller, caller.cwd, *worktree); loaded.ok()) {
      icons = loaded->config.status_icons;
      facts.agent_kind = loaded->config.agent;
    }
  }
  WM_RETURN_IF_ERROR(agents_.SetStatus(pane->tmux_socket, pane->pane_id, status, icons, facts));
  response.set_applied(true);
  return response;
}

grpc::ServerUnaryReactor* AgentService::SetStatus(grpc::CallbackServerContext* context,
                                                  const pb::SetStatusRequest* request,
                                                  pb::SetStatusResponse* response) {
  return UnaryCall<pb::SetStatusResponse>::Start(
      executor_, response,
      [this, context, request](std::stop_token) -> absl::StatusOr<pb::SetStatusResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        WM_ASSIGN_OR_RETURN(const AgentStatus status, FromWire(request->status()));
        return Apply(FromWire(request->context()), status);
      });
}

grpc::ServerUnaryReactor* AgentService::ListAgents(grpc::CallbackServerContext* context,
                                                   const pb::ListAgentsRequest* request,
                                                   pb::ListAgentsResponse* response) {
  return UnaryCall<pb::ListAgentsResponse>::Start(
      executor_, response,
      [this, context, request](std::stop_token stop) -> absl::StatusOr<pb::ListAgentsResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        const std::vector<std::string> targets(request->targets().begin(),
                                               request->targets().end());
        WM_ASSIGN_OR_RETURN(
            const AgentQueries::Listing listing,
            queries_.List(FromWire(request->context()), targets, request->git(), stop));
        pb::ListAgentsResponse listed;
        listed.set_backend("tmux");
        listed.set_instance(listing.instance);
        listed.set_repository(listing.repository);
        for (const auto& view : listing.agents) *listed.add_agents() = ToWire(view);
        for (const auto& error : listing.errors) {
          auto* wire = listed.add_target_errors();
          wire->set_target(error.target);
          wire->set_code(error.code);
          wire->set_message(error.message);
        }
        listed.set_records_total(static_cast<std::uint32_t>(listing.total));
        listed.set_records_matching_context(static_cast<std::uint32_t>(listing.agents.size()));
        return listed;
      });
}

grpc::ServerWriteReactor<pb::AgentEvent>* AgentService::WatchAgents(grpc::CallbackServerContext*,
                                                                    const pb::WatchAgentsRequest*) {
  return Watch::Start(executor_, [this](const std::shared_ptr<Watch>& call) {
    if (!Keep(call)) return call->End(Unavailable("workmuxd is stopping"));
    auto sequence = std::make_shared<std::atomic<std::uint64_t>>(0);
    std::weak_ptr<Watch> weak = call;
    auto subscription = std::make_shared<std::unique_ptr<AgentTracker::Subscription>>(
        agents_.Subscribe([weak, sequence](const AgentTracker::Change& change) {
          const auto stream = weak.lock();
          if (!stream) return;
          pb::AgentEvent event;
          event.set_sequence(sequence->fetch_add(1) + 1);
          if (change.gone) {
            event.set_gone_pane_id(change.record.pane.pane_id);
          } else {
            FillRecord(change.record, *event.mutable_changed());
          }
          stream->Send(std::move(event));
        }));
    pb::AgentEvent end;
    end.set_sequence(sequence->fetch_add(1) + 1);
    end.set_snapshot_end(true);
    call->Send(std::move(end));
    call->OnLost([weak, subscription] {
      subscription->reset();
      if (const auto stream = weak.lock()) stream->End(absl::OkStatus());
    });
  });
}

bool AgentService::Keep(const std::shared_ptr<Watch>& watch) {
  MutexLock lock(mu_);
  if (stopping_) return false;
  std::erase_if(watches_, [](const std::weak_ptr<Watch>& known) { return known.expired(); });
  watches_.push_back(watch);
  return true;
}

void AgentService::EndWatches() {
  std::vector<std::weak_ptr<Watch>> watches;
  {
    MutexLock lock(mu_);
    stopping_ = true;
    watches.swap(watches_);
  }
  for (const std::weak_ptr<Watch>& watch : watches) {
    if (const auto call = watch.lock()) call->End(Unavailable("workmuxd is stopping"));
  }
}

}  // namespace workmux::daemon
