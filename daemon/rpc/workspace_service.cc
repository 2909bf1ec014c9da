#include "daemon/rpc/workspace_service.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "common/log/log.h"
#include "daemon/domain/caller_pane.h"
#include "daemon/domain/configured_agents.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/stream_progress.h"
#include "daemon/rpc/unary_call.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::control::v1;
using EventStream = StreamCall<pb::WorkspaceEvent>;

constexpr std::chrono::milliseconds kAnswerFirst{150};
constexpr std::size_t kShownLines = 20;

class SilentProgress : public ProgressSink {
 public:
  void Step(std::string_view, std::string_view) override {}
  void Warn(std::string_view) override {}
  void Output(std::string_view, bool) override {}
};

std::optional<MergeStrategy> FromWire(pb::MergeStrategy strategy) {
  switch (strategy) {
    case pb::MERGE_STRATEGY_MERGE:
      return MergeStrategy::kMerge;
    case pb::MERGE_STRATEGY_REBASE:
      return MergeStrategy::kRebase;
    case pb::MERGE_STRATEGY_SQUASH:
      return MergeStrategy::kSquash;
    default:
      return std::nullopt;
  }
}

void FillWorktree(const Worktree& worktree, pb::WorkspaceEvent::Result& result) {
  result.set_handle(worktree.handle());
  result.set_branch(worktree.branch);
  result.set_path(worktree.path.string());
}

pb::WorkspaceEvent::Result ToWire(const OpenResult& opened) {
  pb::WorkspaceEvent::Result result;
  FillWorktree(opened.worktree, result);
  result.set_base(opened.base);
  result.set_window(opened.window.window_id);
  result.set_session(opened.window.session_id);
  result.set_switched(opened.switched);
  result.set_existed(opened.existed);
  result.set_agent(opened.agent);
  result.set_sandboxed(opened.sandboxed);
  return result;
}

pb::InspectRemovalResponse::Candidate ToWire(const RemovalCandidate& candidate) {
  pb::InspectRemovalResponse::Candidate wire;
  wire.set_handle(candidate.worktree.handle());
  wire.set_branch(candidate.worktree.branch);
  wire.set_path(candidate.worktree.path.string());
  for (const std::string& line : candidate.changes.lines) wire.add_uncommitted(line);
  wire.set_uncommitted_count(static_cast<std::uint32_t>(candidate.changes.count));
  for (std::size_t i = 0; i < candidate.unmerged.size() && i < kShownLines; ++i) {
    wire.add_unmerged_commits(candidate.unmerged[i].id.substr(0, 9) + " " +
                              candidate.unmerged[i].subject);
  }
  wire.set_unmerged_count(static_cast<std::uint32_t>(candidate.unmerged.size()));
  wire.set_base(candidate.base);
  wire.set_unknown(candidate.unknown);
  return wire;
}

pb::WorktreeEntry ToWire(const ListEntry& entry) {
  pb::WorktreeEntry wire;
  wire.set_handle(entry.worktree.handle());
  wire.set_branch(entry.worktree.branch);
  wire.set_path(entry.worktree.path.string());
  wire.set_is_main(entry.worktree.is_main);
  wire.set_mode("window");
  if (entry.has_uncommitted_changes)
    wire.set_has_uncommitted_changes(*entry.has_uncommitted_changes);
  if (entry.has_unmerged_commits) wire.set_has_unmerged_commits(*entry.has_unmerged_commits);
  if (entry.is_open) wire.set_is_open(*entry.is_open);
  if (entry.created_unix) wire.set_created_unix_seconds(*entry.created_unix);
  return wire;
}

// Ends a worktree's sandboxes, and lets none be opened for as long as this lives.
class SandboxEnd {
 public:
  explicit SandboxEnd(SessionManager& sessions) : sessions_(sessions) {}
  absl::Status operator()(const Worktree& worktree) {
    claim_.emplace(sessions_.Claim(worktree));
    return sessions_.EndWorktree(worktree);
  }

 private:
  SessionManager& sessions_;
  std::optional<WorktreeClaims::Claim> claim_;
};

}  // namespace

class WorkspaceService::Call {
 public:
  enum class Config { kShown, kActedOn };  // kActedOn: only what a person trusts

  // kUnavailable (TMUX_NOT_RUNNING) when a window is needed and no server runs.
  static absl::StatusOr<std::unique_ptr<Call>> Prepare(const Deps& deps,
                                                       const pb::InvocationContext& wire,
                                                       Config config, bool needs_tmux,
                                                       ProgressSink& progress,
                                                       std::stop_token stop) {
    std::unique_ptr<Call> call(new Call(progress, std::move(stop)));
    call->caller_ = workmux::daemon::FromWire(wire);
    WM_ASSIGN_OR_RETURN(call->here_, deps.git.Locate(call->caller_.cwd));
    const auto load = config == Config::kActedOn ? &ConfigGate::LoadTrusted : &ConfigGate::Load;
    WM_ASSIGN_OR_RETURN(call->config_,
                        (deps.config.*load)(call->caller_, call->caller_.cwd, call->here_));
    for (const std::string& warning : call->config_.warnings) progress.Warn(warning);
    call->agents_.emplace(call->config_.config, call->caller_);
    auto multiplexer = deps.multiplexers.Get(TmuxSocketOf(call->caller_));
    if (multiplexer.ok()) {
      call->multiplexer_ = *std::move(multiplexer);
    } else if (needs_tmux || ReasonOf(multiplexer.status()) != "TMUX_NOT_RUNNING") {
      // A server that is there and does not answer is not the same as none.
      return multiplexer.status();
    }
    return call;
  }

  WorktreeContext context() {
    return {.caller = caller_,
            .config = config_,
            .multiplexer = multiplexer_.get(),
            .agents = &*agents_,
            .progress = progress_,
            .stop = stop_};
  }
  const Caller& caller() const { return caller_; }
  const Worktree& here() const { return here_; }
  const LoadedConfig& config() const { return config_; }
  const std::shared_ptr<Multiplexer>& multiplexer() const { return multiplexer_; }

 private:
  Call(ProgressSink& progress, std::stop_token stop)
      : progress_(progress), stop_(std::move(stop)) {}

  Caller caller_;
  Worktree here_;
  LoadedConfig config_;
  std::optional<ConfiguredAgents> agents_;
  std::shared_ptr<Multiplexer> multiplexer_;
  ProgressSink& progress_;
  std::stop_token stop_;
};

WorkspaceService::WorkspaceService(Deps deps) : deps_(deps) {}

// The body gives the one result; everything before it went through the sink.
template <class Request, class Body>
WorkspaceService::Stream* WorkspaceService::RunStream(Context* context, const Request* request,
                                                      Body body) {
  const absl::Status version = CheckClientVersion(*context);
  return EventStream::Start(deps_.executor, [version, request = *request, body = std::move(body)](
                                                std::shared_ptr<EventStream> stream) {
    if (!version.ok()) return stream->End(version);
    StreamProgress<pb::WorkspaceEvent> progress(*stream);
    absl::StatusOr<pb::WorkspaceEvent::Result> result =
        body(request, progress, stream->stop_token());
    if (!result.ok()) return stream->End(result.status());
    pb::WorkspaceEvent event;
    *event.mutable_result() = *std::move(result);
    stream->Send(std::move(event));
    stream->End(absl::OkStatus());
  });
}

absl::Status WorkspaceService::CheckSandbox(Call& call, const std::string& agent,
                                            const std::string& backend) {
  const Config& config = call.config().config;
  const Env& env = call.caller().env;
  WM_ASSIGN_OR_RETURN(const ImageChoice choice, deps_.planner.ChooseImage(config, agent, backend));
  const WorktreeContext context = call.context();
  WM_RETURN_IF_ERROR(deps_.images.Use(
      choice.store, choice.image,
      [&] { return deps_.planner.CheckReady(config, agent, backend, env); }, context.progress,
      context.stop));
  return config.sandbox.git == SandboxGit::kClone ? deps_.boundary.Check() : absl::OkStatus();
}

WorkspaceService::Stream* WorkspaceService::AddWorktree(Context* context,
                                                        const pb::AddWorktreeRequest* message) {
  return RunStream(
      context, message,
      [this](const pb::AddWorktreeRequest& wire, ProgressSink& progress,
             std::stop_token stop) -> absl::StatusOr<pb::WorkspaceEvent::Result> {
        WM_ASSIGN_OR_RETURN(const auto call,
                            Call::Prepare(deps_, wire.context(), Call::Config::kActedOn,
                                          /*needs_tmux=*/true, progress, stop));
        AddRequest request{.branch = wire.branch(),
                           .base = wire.base(),
                           .name = wire.name(),
                           .prompt = std::nullopt,
                           .agent = wire.agent(),
                           .backend = wire.backend(),
                           .background = wire.background(),
                           .sandbox = wire.sandbox(),
                           .no_hooks = wire.no_hooks(),
                           .no_file_ops = wire.no_file_ops(),
                           .no_pane_commands = wire.no_pane_commands(),
                           .reserve_place = [this](const std::filesystem::path& place)
                               -> absl::StatusOr<std::shared_ptr<void>> {
                             WM_ASSIGN_OR_RETURN(WorktreeClaims::Claim claim,
                                                 deps_.sessions.ReservePlace(place));
                             return std::make_shared<WorktreeClaims::Claim>(std::move(claim));
                           }};
        if (wire.has_prompt()) request.prompt = wire.prompt();
        if (request.sandbox || call->config().config.sandbox.enabled) {
          WM_RETURN_IF_ERROR(CheckSandbox(*call, request.agent, request.backend));
        }
        WM_ASSIGN_OR_RETURN(const AddResult added, deps_.worktrees.Add(call->context(), request));
        return ToWire(added);
      });
}

WorkspaceService::Stream* WorkspaceService::OpenWorktree(Context* context,
                                                         const pb::OpenWorktreeRequest* message) {
  return RunStream(context, message,
                   [this](const pb::OpenWorktreeRequest& wire, ProgressSink& progress,
                          std::stop_token stop) -> absl::StatusOr<pb::WorkspaceEvent::Result> {
                     WM_ASSIGN_OR_RETURN(
                         const auto call,
                         Call::Prepare(deps_, wire.context(), Call::Config::kActedOn,
                                       /*needs_tmux=*/true, progress, stop));
                     OpenRequest request{.name = wire.name(),
                                         .prompt = std::nullopt,
                                         .run_hooks = wire.run_hooks(),
                                         .force_files = wire.force_files(),
                                         .new_window = wire.new_window(),
                                         .continue_conversation = wire.continue_conversation(),
                                         .background = wire.background()};
                     if (wire.has_prompt()) request.prompt = wire.prompt();
                     if (call->config().config.sandbox.enabled)
                       WM_RETURN_IF_ERROR(CheckSandbox(*call, {}, {}));
                     WM_ASSIGN_OR_RETURN(const OpenResult opened,
                                         deps_.worktrees.Open(call->context(), request));
                     return ToWire(opened);
                   });
}

WorkspaceService::Stream* WorkspaceService::CloseWorktree(Context* context,
                                                          const pb::CloseWorktreeRequest* message) {
  return RunStream(context, message,
                   [this](const pb::CloseWorktreeRequest& wire, ProgressSink& progress,
                          std::stop_token stop) -> absl::StatusOr<pb::WorkspaceEvent::Result> {
                     WM_ASSIGN_OR_RETURN(const auto call,
                                         Call::Prepare(deps_, wire.context(), Call::Config::kShown,
                                                       /*needs_tmux=*/true, progress, stop));
                     SandboxEnd end(deps_.sessions);
                     CloseRequest request{.name = wire.name(), .before_close = std::ref(end)};
                     WM_ASSIGN_OR_RETURN(CloseResult closed,
                                         deps_.worktrees.Close(call->context(), request));
                     KillLater(call->multiplexer(), std::move(closed.deferred_windows));
                     pb::WorkspaceEvent::Result result;
                     FillWorktree(closed.worktree, result);
                     return result;
                   });
}

WorkspaceService::Stream* WorkspaceService::MergeWorktree(Context* context,
                                                          const pb::MergeWorktreeRequest* message) {
  return RunStream(
      context, message,
      [this](const pb::MergeWorktreeRequest& wire, ProgressSink& progress,
             std::stop_token stop) -> absl::StatusOr<pb::WorkspaceEvent::Result> {
        WM_ASSIGN_OR_RETURN(const auto call,
                            Call::Prepare(deps_, wire.context(), Call::Config::kActedOn,
                                          /*needs_tmux=*/false, progress, stop));
        SandboxEnd end(deps_.sessions);
        MergeRequest request{.name = wire.name(),
                             .into = wire.into(),
                             .strategy = FromWire(wire.strategy()),
                             .keep = std::nullopt,
                             .ignore_uncommitted = wire.ignore_uncommitted(),
                             .no_verify = wire.no_verify(),
                             .no_hooks = wire.no_hooks(),
                             .message = wire.message(),
                             .before_merge =
                                 [this, stop](const Worktree& worktree) {
                                   return deps_.boundary.Import(worktree, stop);
                                 },
                             .before_remove = std::ref(end)};
        if (wire.has_keep()) request.keep = wire.keep();
        WM_ASSIGN_OR_RETURN(MergeResult merged, deps_.worktrees.Merge(call->context(), request));
        pb::WorkspaceEvent::Result result;
        FillWorktree(merged.worktree, result);
        result.set_merged_into(merged.merged_into);
        if (merged.removed) {
          result.set_recovery_ref(merged.removal.recovery_ref);
          WM_RETURN_IF_ERROR(deps_.boundary.Discard(merged.worktree));
          WM_RETURN_IF_ERROR(deps_.agent_configs.Discard(merged.worktree));
          KillLater(call->multiplexer(), std::move(merged.removal.deferred_windows));
        }
        return result;
      });
}

WorkspaceService::Stream* WorkspaceService::RemoveWorktree(
    Context* context, const pb::RemoveWorktreeRequest* message) {
  return RunStream(
      context, message,
      [this](const pb::RemoveWorktreeRequest& wire, ProgressSink& progress,
             std::stop_token stop) -> absl::StatusOr<pb::WorkspaceEvent::Result> {
        const auto trust = wire.no_hooks() ? Call::Config::kShown : Call::Config::kActedOn;
        WM_ASSIGN_OR_RETURN(const auto call, Call::Prepare(deps_, wire.context(), trust,
                                                           /*needs_tmux=*/false, progress, stop));
        SandboxEnd end(deps_.sessions);
        RemoveRequest request{.name = wire.name(),
                              .discard_uncommitted = wire.discard_uncommitted(),
                              .discard_unmerged = wire.discard_unmerged(),
                              .keep_branch = wire.keep_branch(),
                              .force = wire.force(),
                              .no_hooks = wire.no_hooks(),
                              .before_remove = std::ref(end)};
        WM_ASSIGN_OR_RETURN(RemoveResult removed, deps_.worktrees.Remove(call->context(), request));
        WM_RETURN_IF_ERROR(deps_.boundary.Discard(removed.worktree));
        WM_RETURN_IF_ERROR(deps_.agent_configs.Discard(removed.worktree));
        KillLater(call->multiplexer(), std::move(removed.deferred_windows));
        pb::WorkspaceEvent::Result result;
        FillWorktree(removed.worktree, result);
        result.set_base(removed.base);
        result.set_recovery_ref(removed.recovery_ref);
        return result;
      });
}

grpc::ServerUnaryReactor* WorkspaceService::InspectRemoval(Context* context,
                                                           const pb::InspectRemovalRequest* request,
                                                           pb::InspectRemovalResponse* response) {
  return UnaryCall<pb::InspectRemovalResponse>::Start(
      deps_.executor, response,
      [this, context, request](std::stop_token stop) -> absl::StatusOr<pb::InspectRemovalResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        SilentProgress progress;
        WM_ASSIGN_OR_RETURN(const auto call,
                            Call::Prepare(deps_, request->context(), Call::Config::kShown,
                                          /*needs_tmux=*/false, progress, stop));
        // What a sandbox has committed counts, also what has not come over yet.
        const std::vector<std::string> names(request->names().begin(), request->names().end());
        for (const std::string& name : names.empty() ? std::vector<std::string>{""} : names) {
          WM_ASSIGN_OR_RETURN(const Worktree worktree,
                              deps_.worktrees.Resolve(call->context(), name));
          WM_RETURN_IF_ERROR(deps_.boundary.Import(worktree, stop));
        }
        WM_ASSIGN_OR_RETURN(const std::vector<RemovalCandidate> candidates,
                            deps_.worktrees.InspectRemoval(call->context(), names));
        pb::InspectRemovalResponse inspected;
        for (const RemovalCandidate& candidate : candidates)
          *inspected.add_candidates() = ToWire(candidate);
        return inspected;
      });
}

std::vector<pb::WorktreeEntry> WorkspaceService::WithStatuses(
    const std::vector<ListEntry>& entries) {
  const std::vector<AgentRecord> agents = deps_.agents.All();
  std::vector<pb::WorktreeEntry> listed;
  for (const ListEntry& entry : entries) {
    listed.push_back(ToWire(entry));
    for (const AgentRecord& agent : agents) {
      if (agent.worktree != entry.worktree.path || agent.status == AgentStatus::kNone) continue;
      constexpr const char* kNames[] = {"", "working", "waiting", "done"};
      listed.back().add_agent_statuses(kNames[static_cast<std::size_t>(agent.status)]);
    }
  }
  return listed;
}

grpc::ServerUnaryReactor* WorkspaceService::ListWorktrees(Context* context,
                                                          const pb::ListWorktreesRequest* request,
                                                          pb::ListWorktreesResponse* response) {
  return UnaryCall<pb::ListWorktreesResponse>::Start(
      deps_.executor, response,
      [this, context, request](std::stop_token stop) -> absl::StatusOr<pb::ListWorktreesResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        SilentProgress progress;
        WM_ASSIGN_OR_RETURN(const auto call,
                            Call::Prepare(deps_, request->context(), Call::Config::kShown,
                                          /*needs_tmux=*/false, progress, stop));
        ListRequest list{.git = request->git(), .filters = {}};
        list.filters.assign(request->filters().begin(), request->filters().end());
        WM_ASSIGN_OR_RETURN(const ListResult listed, deps_.worktrees.List(call->context(), list));
        pb::ListWorktreesResponse wire;
        for (pb::WorktreeEntry& entry : WithStatuses(listed.entries))
          *wire.add_worktrees() = std::move(entry);
        for (const std::string& warning : call->config().warnings) wire.add_warnings(warning);
        for (const std::string& warning : listed.warnings) wire.add_warnings(warning);
        return wire;
      });
}

grpc::ServerUnaryReactor* WorkspaceService::FindWorktree(Context* context,
                                                         const pb::FindWorktreeRequest* request,
                                                         pb::FindWorktreeResponse* response) {
  return UnaryCall<pb::FindWorktreeResponse>::Start(
      deps_.executor, response,
      [this, context, request](std::stop_token stop) -> absl::StatusOr<pb::FindWorktreeResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        SilentProgress progress;
        WM_ASSIGN_OR_RETURN(const auto call,
                            Call::Prepare(deps_, request->context(), Call::Config::kShown,
                                          /*needs_tmux=*/false, progress, stop));
        WM_ASSIGN_OR_RETURN(const ListEntry entry,
                            deps_.worktrees.Find(call->context(), request->name()));
        pb::FindWorktreeResponse found;
        *found.mutable_worktree() = ToWire(entry);
        return found;
      });
}

grpc::ServerUnaryReactor* WorkspaceService::ReviewConfig(Context* context,
                                                         const pb::ReviewConfigRequest* request,
                                                         pb::ReviewConfigResponse* response) {
  return UnaryCall<pb::ReviewConfigResponse>::Start(
      deps_.executor, response,
      [this, context, request](std::stop_token) -> absl::StatusOr<pb::ReviewConfigResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        const Caller caller = workmux::daemon::FromWire(request->context());
        WM_ASSIGN_OR_RETURN(const Worktree here, deps_.git.Locate(caller.cwd));
        WM_ASSIGN_OR_RETURN(const ConfigGate::Review review,
                            deps_.config.Inspect(caller, caller.cwd, here));
        pb::ReviewConfigResponse wire;
        wire.set_needs_trust(review.needs_trust);
        wire.set_file(review.file.string());
        wire.set_content(review.content);
        wire.set_sha256(review.sha256);
        return wire;
      });
}

grpc::ServerUnaryReactor* WorkspaceService::TrustConfig(Context* context,
                                                        const pb::TrustConfigRequest* request,
                                                        pb::TrustConfigResponse* response) {
  return UnaryCall<pb::TrustConfigResponse>::Start(
      deps_.executor, response,
      [this, context, request](std::stop_token) -> absl::StatusOr<pb::TrustConfigResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        const Caller caller = workmux::daemon::FromWire(request->context());
        WM_ASSIGN_OR_RETURN(const Worktree here, deps_.git.Locate(caller.cwd));
        WM_RETURN_IF_ERROR(deps_.config.Approve(caller, caller.cwd, here, request->sha256()));
        return pb::TrustConfigResponse();
      });
}

void WorkspaceService::KillLater(std::shared_ptr<Multiplexer> multiplexer,
                                 std::vector<std::string> windows) {
  if (!multiplexer || windows.empty()) return;
  MutexLock lock(mu_);
  const std::uint64_t id = next_kill_++;
  Kill& kill = kills_[id];
  kill.multiplexer = std::move(multiplexer);
  kill.windows = std::move(windows);
  kill.timer = deps_.loop.After(kAnswerFirst,
                                [this, id] { deps_.executor.Post([this, id] { RunKill(id); }); });
}

void WorkspaceService::RunKill(std::uint64_t id) {
  Kill kill;
  {
    MutexLock lock(mu_);
    auto found = kills_.extract(id);
    if (found.empty()) return;
    kill = std::move(found.mapped());
  }
  for (const std::string& window : kill.windows) {
    const absl::Status killed = kill.multiplexer->KillWindow(window);
    if (!killed.ok()) LogWarning("tmux", MessageOf(killed));
  }
}

void WorkspaceService::FinishKills() {
  std::vector<std::uint64_t> ids;
  {
    MutexLock lock(mu_);
    for (const auto& [id, kill] : kills_) ids.push_back(id);
  }
  for (const std::uint64_t id : ids) RunKill(id);
}

}  // namespace workmux::daemon
