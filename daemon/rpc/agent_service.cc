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

void Fill(const BlockedRequests::Blocked& blocked, pb::BlockedRequests& wire) {
  wire.set_count(blocked.count);
  wire.set_last_host(blocked.last_host);
  wire.set_last_reason(blocked.last_reason);
  wire.set_last_unix_seconds(blocked.last);
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

void AgentService::AddBlocked(pb::Agent& agent) const {
  if (agent.session_id().empty()) return;
  if (const auto blocked = deps_.blocked.Of(agent.session_id()))
    Fill(*blocked, *agent.mutable_blocked());
}

absl::StatusOr<pb::SetStatusResponse> AgentService::Apply(const Caller& caller,
                                                          AgentStatus status) {
  pb::SetStatusResponse response;
  // Hooks also run where there is no pane; that is no fault of theirs.
  const std::optional<CallerPane> pane = CallerPaneOf(caller);
  if (!pane) return response;
  AgentTracker::Facts facts{.workdir = caller.cwd};
  StatusIcons icons;
  if (const auto worktree = deps_.git.Locate(caller.cwd); worktree.ok()) {
    facts.worktree = worktree->path;
    facts.repository = worktree->repository.common_dir;
    facts.branch = worktree->branch;
    // A broken configuration must not silence an agent: the default icons serve.
    if (const auto loaded = deps_.config.Load(caller, caller.cwd, *worktree); loaded.ok()) {
      icons = loaded->config.status_icons;
      facts.agent_kind = loaded->config.agent;
    }
  }
  WM_RETURN_IF_ERROR(
      deps_.agents.SetStatus(pane->tmux_socket, pane->pane_id, status, icons, facts));
  response.set_applied(true);
  return response;
}

grpc::ServerUnaryReactor* AgentService::SetStatus(grpc::CallbackServerContext* context,
                                                  const pb::SetStatusRequest* request,
                                                  pb::SetStatusResponse* response) {
  return UnaryCall<pb::SetStatusResponse>::Start(
      deps_.executor, response,
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
      deps_.executor, response,
      [this, context, request](std::stop_token stop) -> absl::StatusOr<pb::ListAgentsResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        const std::vector<std::string> targets(request->targets().begin(),
                                               request->targets().end());
        WM_ASSIGN_OR_RETURN(
            const AgentQueries::Listing listing,
            deps_.queries.List(FromWire(request->context()), targets, request->git(), stop));
        pb::ListAgentsResponse listed;
        listed.set_backend("tmux");
        listed.set_instance(listing.instance);
        listed.set_repository(listing.repository);
        for (const auto& view : listing.agents) {
          pb::Agent& agent = *listed.add_agents();
          agent = ToWire(view);
          AddBlocked(agent);
        }
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
  return Watch::Start(deps_.executor, [this](const std::shared_ptr<Watch>& call) {
    if (!Keep(call)) return call->End(Unavailable("workmuxd is stopping"));
    auto sequence = std::make_shared<std::atomic<std::uint64_t>>(0);
    std::weak_ptr<Watch> weak = call;
    auto subscriptions = std::make_shared<Subscriptions>(Subscribe(weak, sequence));
    pb::AgentEvent end;
    end.set_sequence(sequence->fetch_add(1) + 1);
    end.set_snapshot_end(true);
    call->Send(std::move(end));
    call->OnLost([weak, subscriptions] {
      *subscriptions = {};
      if (const auto stream = weak.lock()) stream->End(absl::OkStatus());
    });
  });
}

AgentService::Subscriptions AgentService::Subscribe(
    const std::weak_ptr<Watch>& weak, const std::shared_ptr<std::atomic<std::uint64_t>>& sequence) {
  Subscriptions subscriptions;
  subscriptions.agents =
      deps_.agents.Subscribe([this, weak, sequence](const AgentTracker::Change& change) {
        const auto stream = weak.lock();
        if (!stream) return;
        pb::AgentEvent event;
        event.set_sequence(sequence->fetch_add(1) + 1);
        if (change.gone) {
          event.set_gone_pane_id(change.record.pane.pane_id);
        } else {
          FillRecord(change.record, *event.mutable_changed());
          AddBlocked(*event.mutable_changed());
        }
        stream->Send(std::move(event));
      });
  subscriptions.blocked = deps_.blocked.Subscribe(
      [this, weak, sequence](const std::string& session, const BlockedRequests::Blocked& blocked) {
        const auto stream = weak.lock();
        if (!stream) return;
        pb::AgentEvent event;
        event.set_sequence(sequence->fetch_add(1) + 1);
        event.mutable_blocked()->set_session_id(session);
        if (const auto record = deps_.directory.Find(session))
          event.mutable_blocked()->set_sandbox(record->sandbox);
        Fill(blocked, *event.mutable_blocked()->mutable_blocked());
        stream->Send(std::move(event));
      });
  return subscriptions;
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
