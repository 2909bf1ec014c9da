#include "daemon/adapters/tmux/tmux_multiplexer.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "daemon/adapters/tmux/tmux_list.h"
#include "daemon/adapters/tmux/window_builder.h"
#include "daemon/domain/display_text.h"

namespace workmux::daemon {
namespace {

absl::Status CheckId(std::string_view id, char sigil) {
  if (IsTmuxId(id, sigil)) return absl::OkStatus();
  return InvalidArgument("{} is not a tmux id of the form {}N", Printable(id),
                         std::string(1, sigil));
}

}  // namespace

TmuxMultiplexer::TmuxMultiplexer(CommandRunner& runner) : runner_(runner) {}

absl::StatusOr<std::unique_ptr<TmuxMultiplexer>> TmuxMultiplexer::Open(std::filesystem::path tmux,
                                                                       std::string socket,
                                                                       CommandRunner& runner) {
  std::unique_ptr<TmuxMultiplexer> self(new TmuxMultiplexer(runner));
  TmuxMultiplexer* const raw = self.get();
  TmuxConnection::Callbacks callbacks{
      .on_notification = [raw](std::string_view line) { raw->OnNotification(line); },
      .on_client_ended = [raw] { raw->tasks_.Post([raw] { raw->OnClientEnded(0); }); }};
  WM_ASSIGN_OR_RETURN(self->connection_, TmuxConnection::Open(std::move(tmux), std::move(socket),
                                                              runner, std::move(callbacks)));
  self->typer_ = std::make_unique<PaneTyper>(*self->connection_, self->tasks_);
  WM_RETURN_IF_ERROR(self->LoadPanes());
  self->tasks_.Post([raw] {
    raw->Refresh();
    raw->UpdateFocusWatch();
  });
  return self;
}

TmuxMultiplexer::~TmuxMultiplexer() {
  tasks_.Stop();
  if (typer_ != nullptr && !gone_) typer_->Flush();
  focus_watch_.reset();
  // Before the members that its callbacks use.
  connection_.reset();
}

absl::StatusOr<std::string> TmuxMultiplexer::ServerStart() {
  return connection_->CallOne({"display-message", "-p", "#{start_time}"});
}

absl::StatusOr<WindowRef> TmuxMultiplexer::CreateWindow(const WindowSpec& spec,
                                                        std::string_view near_pane) {
  if (!near_pane.empty()) WM_RETURN_IF_ERROR(CheckId(near_pane, '%'));
  WM_ASSIGN_OR_RETURN(const BuiltWindow built, BuildWindow(*connection_, spec, near_pane));
  for (std::size_t i = 0; i < built.ref.pane_ids.size(); ++i) {
    {
      MutexLock lock(mu_);
      panes_.Put(
          built.ref.pane_ids[i],
          {.session_id = built.ref.session_id, .window_id = built.ref.window_id, .icon = ""});
    }
    if (spec.panes[i].command.empty()) continue;
    typer_->Type(built.ref.pane_ids[i], built.ttys[i], spec.shell, spec.panes[i].command);
  }
  // Now rather than in the background: a caller that shows the window next must not
  // meet a client that is still attaching (see TmuxConnection::attach_mu_).
  if (absl::Status attached = connection_->Attach(built.ref.session_id); !attached.ok()) {
    LogWarning("tmux", Format("no control client on session {}: {}", built.ref.session_id,
                              MessageOf(attached)));
  }
  tasks_.Post([this] { Refresh(); });
  if (spec.background) return built.ref;
  if (absl::Status selected = SelectWindow(built.ref, near_pane); !selected.ok()) {
    LogWarning("tmux", Format("window {} stays in the background: {}", built.ref.window_id,
                              MessageOf(selected)));
  }
  return built.ref;
}

absl::StatusOr<std::vector<WindowRef>> TmuxMultiplexer::FindWindows(std::string_view token) {
  WM_ASSIGN_OR_RETURN(const std::vector<PaneInfo> panes, ListPanes());
  std::vector<WindowRef> windows;
  for (const PaneInfo& pane : panes) {
    if (pane.token != token || token.empty()) continue;
    auto it = std::find_if(windows.begin(), windows.end(),
                           [&](const WindowRef& w) { return w.window_id == pane.window_id; });
    if (it == windows.end()) {
      it = windows.insert(
          it, {.session_id = pane.session_id, .window_id = pane.window_id, .pane_ids = {}});
    }
    // A window linked into several sessions is listed once for each.
    if (it->session_id == pane.session_id) it->pane_ids.push_back(pane.pane_id);
  }
  return windows;
}

absl::Status TmuxMultiplexer::SelectWindow(const WindowRef& window, std::string_view client_pane) {
  WM_RETURN_IF_ERROR(CheckId(window.window_id, '@'));
  if (!client_pane.empty()) WM_RETURN_IF_ERROR(CheckId(client_pane, '%'));
  const TmuxList list({"client_control_mode", "client_activity", "session_id", "client_name"});
  std::vector<TmuxCommand> queries = {
      {"display-message", "-p", "-t", window.window_id, "#{session_id}"},
      {"list-clients", "-F", list.format()}};
  if (!client_pane.empty()) {
    queries.push_back({"display-message", "-p", "-t", std::string(client_pane), "#{session_id}"});
  }
  WM_ASSIGN_OR_RETURN(const std::vector<std::string> texts, connection_->Call(queries));
  if (!IsTmuxId(texts[0], '$')) {
    return WithReason(NotFound("tmux has no window {}", window.window_id), "TMUX_NO_TARGET");
  }
  WM_ASSIGN_OR_RETURN(const auto clients, list.Parse(texts[1]));
  const std::string near_session = texts.size() > 2 ? texts[2] : std::string();
  std::string client;
  std::pair<bool, long long> best{false, -1};
  for (const auto& row : clients) {
    std::pair<bool, long long> rank{row[2] == near_session, 0};
    if (row[0] != "0" || !ParseInt(row[1], rank.second) || rank <= best) continue;
    best = rank;
    client = row[3];
  }
  if (client.empty())
    return connection_->CallOne({"select-window", "-t", window.window_id}).status();
  // "$1:@7": the session the window is in now, and the window by id.
  return connection_
      ->CallOne({"switch-client", "-c", client, "-t", texts[0] + ":" + window.window_id})
      .status();
}

absl::Status TmuxMultiplexer::KillWindow(std::string_view window_id) {
  WM_RETURN_IF_ERROR(CheckId(window_id, '@'));
  return connection_->CallOne({"kill-window", "-t", std::string(window_id)}).status();
}

absl::Status TmuxMultiplexer::RenameWindow(std::string_view window_id, std::string_view name) {
  WM_RETURN_IF_ERROR(CheckId(window_id, '@'));
  // rename-window takes a format: WindowName leaves nothing that one could be made of.
  return connection_
      ->CallOne({"rename-window", "-t", std::string(window_id), "--", WindowName(name)})
      .status();
}

absl::StatusOr<std::vector<PaneInfo>> TmuxMultiplexer::ListPanes() {
  const TmuxList panes({"pane_id", "window_id", "session_id", "start_time", "@workmux_token",
                        "session_name", "window_name"});
  const TmuxList clients({"client_control_mode", "client_flags", "pane_id"});
  WM_ASSIGN_OR_RETURN(const std::vector<std::string> texts,
                      connection_->Call({{"list-panes", "-a", "-F", panes.format()},
                                         {"list-clients", "-F", clients.format()}}));
  WM_ASSIGN_OR_RETURN(auto pane_rows, panes.Parse(texts[0]));
  WM_ASSIGN_OR_RETURN(const auto client_rows, clients.Parse(texts[1]));
  std::set<std::string> seen;
  for (const auto& row : client_rows) {
    if (row[0] == "0" && row[1].find("focused") != std::string::npos) seen.insert(row[2]);
  }
  std::vector<PaneInfo> listed;
  for (auto& row : pane_rows) {
    const bool is_seen = seen.contains(row[0]);
    listed.push_back({.pane_id = std::move(row[0]),
                      .window_id = std::move(row[1]),
                      .session_id = std::move(row[2]),
                      .server_start = std::move(row[3]),
                      .session_name = std::move(row[5]),
                      .window_name = std::move(row[6]),
                      .token = std::move(row[4]),
                      .seen = is_seen});
  }
  return listed;
}

absl::Status TmuxMultiplexer::SetTitle(std::string_view pane_id, std::string_view title) {
  WM_RETURN_IF_ERROR(CheckId(pane_id, '%'));
  return connection_
      ->CallOne({"set-option", "-w", "-t", std::string(pane_id), "--", "@workmux_title",
                 DisplayText(title)})
      .status();
}

void TmuxMultiplexer::Observe(Events events) {
  MutexLock lock(mu_);
  events_ = std::move(events);
}

}  // namespace workmux::daemon
