#include "daemon/domain/agent_tracker.h"

#include <set>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "daemon/domain/display_text.h"

namespace workmux::daemon {
namespace {

std::string_view IconFor(AgentStatus status, const StatusIcons& icons) {
  switch (status) {
    case AgentStatus::kWorking:
      return icons.working;
    case AgentStatus::kWaiting:
      return icons.waiting;
    case AgentStatus::kDone:
      return icons.done;
    case AgentStatus::kNone:
      break;
  }
  return {};
}

template <class T>
void KeepUnlessEmpty(T& kept, const T& value) {
  if (!value.empty()) kept = value;
}

}  // namespace

AgentTracker::Subscription::~Subscription() {
  MutexLock lock(tracker_.mu_);
  tracker_.observers_.erase(id_);
}

AgentTracker::AgentTracker(AgentRecords& records, Multiplexers& multiplexers)
    : records_(records), multiplexers_(multiplexers) {}

absl::Status AgentTracker::Load() {
  WM_ASSIGN_OR_RETURN(const std::vector<AgentRecord> records, records_.LoadAgents());
  std::set<std::string> sockets;
  {
    MutexLock lock(mu_);
    for (const AgentRecord& record : records) {
      agents_[{record.pane.tmux_socket, record.pane.pane_id}] = record;
      sockets.insert(record.pane.tmux_socket);
    }
  }
  for (const std::string& socket : sockets) {
    // A server that is away keeps its records: unknown is not gone.
    Reconcile(socket).status().IgnoreError();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Multiplexer>> AgentTracker::Connect(const std::string& tmux_socket) {
  WM_ASSIGN_OR_RETURN(std::shared_ptr<Multiplexer> multiplexer, multiplexers_.Get(tmux_socket));
  {
    MutexLock lock(mu_);
    std::weak_ptr<Multiplexer>& observed = observed_[tmux_socket];
    if (observed.lock() == multiplexer) return multiplexer;
    observed = multiplexer;
  }
  multiplexer->Observe({.on_pane_gone =
                            [this, tmux_socket](const std::string& pane) {
                              Forget({tmux_socket, pane});
                            },
                        .on_status_cleared = nullptr,
                        .on_server_gone = nullptr});
  return multiplexer;
}

AgentTracker::Server AgentTracker::Ask(const std::string& tmux_socket) {
  Server server{.multiplexer = Connect(tmux_socket), .start = {}};
  if (!server.multiplexer.ok()) return server;
  if (auto start = (*server.multiplexer)->ServerStart(); start.ok())
    server.start = *std::move(start);
  return server;
}

AgentRecord AgentTracker::Known(const Key& key, const std::string& server_start) const {
  AgentRecord record;
  if (const auto found = agents_.find(key); found != agents_.end()) record = found->second;
  const std::string& before = record.pane.server_start;
  if (!before.empty() && !server_start.empty() && before != server_start) record = {};
  record.pane.tmux_socket = key.first;
  record.pane.pane_id = key.second;
  KeepUnlessEmpty(record.pane.server_start, server_start);
  return record;
}

absl::Status AgentTracker::Keep(const AgentRecord& record) {
  // A full disk is no reason to show an old status.
  const absl::Status kept = records_.PutAgent(record);
  agents_[{record.pane.tmux_socket, record.pane.pane_id}] = record;
  Publish({.record = record, .gone = false});
  return kept;
}

absl::Status AgentTracker::SetStatus(const std::string& tmux_socket, const std::string& pane_id,
                                     AgentStatus status, const StatusIcons& icons,
                                     const Facts& facts) {
  const Server server = Ask(tmux_socket);
  absl::Status kept;
  {
    MutexLock lock(mu_);
    AgentRecord record = Known({tmux_socket, pane_id}, server.start);
    const std::int64_t now = UnixNow();
    if (record.status != status || record.status_since == 0) record.status_since = now;
    record.status = status;
    record.updated = now;
    KeepUnlessEmpty(record.workdir, facts.workdir);
    KeepUnlessEmpty(record.worktree, facts.worktree);
    KeepUnlessEmpty(record.repository, facts.repository);
    KeepUnlessEmpty(record.branch, facts.branch);
    KeepUnlessEmpty(record.agent_kind, facts.agent_kind);
    KeepUnlessEmpty(record.session_id, facts.session_id);
    kept = Keep(record);
  }
  if (!server.multiplexer.ok()) return server.multiplexer.status();
  const bool auto_clear = status == AgentStatus::kWaiting || status == AgentStatus::kDone;
  WM_RETURN_IF_ERROR((*server.multiplexer)
                         ->ShowStatus(pane_id, {.text = std::string(IconFor(status, icons)),
                                                .auto_clear = auto_clear,
                                                .edit_format = icons.edit_format}));
  return kept;
}

absl::Status AgentTracker::SetTitle(const std::string& tmux_socket, const std::string& pane_id,
                                    std::string_view title) {
  const std::string reduced = DisplayText(title);
  const Server server = Ask(tmux_socket);
  {
    MutexLock lock(mu_);
    AgentRecord record = Known({tmux_socket, pane_id}, server.start);
    record.title = reduced;
    record.updated = UnixNow();
    WM_RETURN_IF_ERROR(Keep(record));
  }
  if (!server.multiplexer.ok()) return server.multiplexer.status();
  return (*server.multiplexer)->SetTitle(pane_id, reduced);
}

std::vector<AgentRecord> AgentTracker::All() const {
  MutexLock lock(mu_);
  std::vector<AgentRecord> records;
  for (const auto& [key, record] : agents_) records.push_back(record);
  return records;
}

absl::StatusOr<std::vector<PaneInfo>> AgentTracker::Reconcile(const std::string& tmux_socket) {
  WM_ASSIGN_OR_RETURN(const std::shared_ptr<Multiplexer> multiplexer, Connect(tmux_socket));
  WM_ASSIGN_OR_RETURN(std::vector<PaneInfo> panes, multiplexer->ListPanes());
  std::map<std::string, std::string> live;  // each with its server's start
  for (const PaneInfo& pane : panes) live.emplace(pane.pane_id, pane.server_start);
  std::vector<Key> gone;
  {
    MutexLock lock(mu_);
    for (const auto& [key, record] : agents_) {
      if (key.first != tmux_socket) continue;
      const auto pane = live.find(key.second);
      // A record of an earlier server says nothing about this one's panes.
      const bool is_known = pane != live.end() && (record.pane.server_start.empty() ||
                                                   record.pane.server_start == pane->second);
      if (!is_known) gone.push_back(key);
    }
  }
  for (const Key& key : gone) Forget(key);
  return panes;
}

void AgentTracker::Forget(const Key& key) {
  MutexLock lock(mu_);
  const auto found = agents_.find(key);
  if (found == agents_.end()) return;
  const AgentRecord record = found->second;
  agents_.erase(found);
  // A record that stays on disk is dropped again at the next start.
  records_.EraseAgent(record.pane).IgnoreError();
  Publish({.record = record, .gone = true});
}

std::unique_ptr<AgentTracker::Subscription> AgentTracker::Subscribe(Observer observer) {
  MutexLock lock(mu_);
  for (const auto& [key, record] : agents_) observer({.record = record, .gone = false});
  const std::uint64_t id = next_observer_++;
  observers_.emplace(id, std::move(observer));
  return std::make_unique<Subscription>(*this, id);
}

void AgentTracker::Publish(const Change& change) {
  for (const auto& [id, observer] : observers_) observer(change);
}

}  // namespace workmux::daemon
