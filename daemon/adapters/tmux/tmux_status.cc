// The half of TmuxMultiplexer that follows the server: icons, who looks, what is gone.

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "daemon/adapters/tmux/status_format.h"
#include "daemon/adapters/tmux/tmux_multiplexer.h"
#include "daemon/adapters/tmux/window_builder.h"

namespace workmux::daemon {
namespace {

// 25, 50, … 400 ms after one another.
constexpr std::chrono::milliseconds kFirstCheck{25};
constexpr int kServerChecks = 5;
constexpr int kServerCheckAfterEmptyList = 2;

// Icons are stored as options, so that they outlive the daemon; _ack_ marks the
// ones that go when a person looks.
constexpr char kWindowIcon[] = "@workmux_status";
constexpr char kPaneIcon[] = "@workmux_pane_status";
constexpr char kAckIcon[] = "@workmux_ack_status";

// The icon is last: everything before it is an id, a token or a flag.
constexpr char kPaneFormat[] =
    "#{pane_id} #{window_id} #{session_id} #{?@workmux_token,1,0} "
    "#{?@workmux_ack_status,1,0} #{@workmux_pane_status}";

std::map<std::string, KnownPane> ParsePanes(std::string_view text) {
  std::map<std::string, KnownPane> panes;
  for (const std::string& line : SplitLines(text)) {
    const std::vector<std::string> fields = Split(line, ' ');
    if (fields.size() < 6 || !IsTmuxId(fields[0], '%')) continue;
    KnownPane pane{.session_id = fields[2], .window_id = fields[1], .icon = fields[5]};
    for (std::size_t i = 6; i < fields.size(); ++i) pane.icon += ' ' + fields[i];
    pane.auto_clear = fields[4] == "1" && !pane.icon.empty();
    if (fields[3] == "1" || !pane.icon.empty()) panes.emplace(fields[0], std::move(pane));
  }
  return panes;
}

struct Viewed {
  bool focused;
  std::string pane_id;
};

// What people's terminals show. Our own control clients are attached and
// "focused" too, hence the first field.
absl::StatusOr<std::vector<Viewed>> PanesInView(TmuxConnection& connection) {
  WM_ASSIGN_OR_RETURN(const std::string text,
                      connection.CallOne({"list-clients", "-F",
                                          "#{client_control_mode} #{client_flags} #{pane_id}"}));
  std::vector<Viewed> viewed;
  for (const std::string& line : SplitLines(text)) {
    const std::vector<std::string> fields = Split(line, ' ');
    if (fields.size() != 3 || fields[0] != "0") continue;
    viewed.push_back({fields[1].find("focused") != std::string::npos, fields[2]});
  }
  return viewed;
}

bool StartsWithAny(std::string_view line, std::initializer_list<std::string_view> names) {
  return std::any_of(names.begin(), names.end(),
                     [line](std::string_view name) { return line.starts_with(name); });
}

}  // namespace

absl::Status TmuxMultiplexer::LoadPanes() {
  WM_ASSIGN_OR_RETURN(const std::string text,
                      connection_->CallOne({"list-panes", "-a", "-F", kPaneFormat}));
  const std::map<std::string, KnownPane> now = ParsePanes(text);
  MutexLock lock(mu_);
  (void)panes_.Reconcile(now, {});
  return absl::OkStatus();
}

TmuxMultiplexer::Events TmuxMultiplexer::events() {
  MutexLock lock(mu_);
  return events_;
}

absl::StatusOr<KnownPane> TmuxMultiplexer::EnsurePane(const std::string& pane_id) {
  {
    MutexLock lock(mu_);
    if (const KnownPane* known = panes_.Find(pane_id)) return *known;
  }
  WM_ASSIGN_OR_RETURN(const std::string text,
                      connection_->CallOne({"display-message", "-p", "-t", pane_id,
                                            "#{pane_id} #{window_id} #{session_id}"}));
  const std::vector<std::string> fields = Split(text, ' ');
  if (fields.size() != 3 || fields[0] != pane_id) {
    return WithReason(NotFound("tmux has no pane {}", pane_id), "TMUX_NO_TARGET");
  }
  KnownPane pane{.session_id = fields[2], .window_id = fields[1], .icon = ""};
  tasks_.Post([this] { Refresh(); });  // puts a client on its session
  MutexLock lock(mu_);
  panes_.Put(pane_id, pane);
  return pane;
}

absl::Status TmuxMultiplexer::EnsureStyled(const std::string& window_id) {
  {
    MutexLock lock(mu_);
    if (panes_.IsStyled(window_id)) return absl::OkStatus();
  }
  constexpr std::array<const char*, 2> kOptions = {"window-status-format",
                                                   "window-status-current-format"};
  std::vector<TmuxCommand> reads;
  for (const char* option : kOptions) {
    reads.push_back({"show-options", "-w", "-A", "-v", "-t", window_id, option});
  }
  WM_ASSIGN_OR_RETURN(const std::vector<std::string> values, connection_->Call(reads));
  std::vector<TmuxCommand> writes;
  for (std::size_t i = 0; i < kOptions.size(); ++i) {
    const std::string shown = WithStatusIcon(values[i]);
    if (shown == values[i]) continue;
    writes.push_back({"set-option", "-w", "-t", window_id, "--", kOptions[i], shown});
  }
  WM_RETURN_IF_ERROR(connection_->Call(writes).status());
  MutexLock lock(mu_);
  panes_.MarkStyled(window_id);
  return absl::OkStatus();
}

absl::Status TmuxMultiplexer::ShowStatus(std::string_view pane_id, const ShownIcon& icon) {
  if (!IsTmuxId(pane_id, '%')) return InvalidArgument("{} is not a tmux pane", Printable(pane_id));
  const std::string id(pane_id);
  const std::string harmless = ReduceIcon(icon.text);
  {
    MutexLock ordered(status_mu_);
    WM_ASSIGN_OR_RETURN(const KnownPane pane, EnsurePane(id));
    if (icon.edit_format && !harmless.empty()) WM_RETURN_IF_ERROR(EnsureStyled(pane.window_id));
    WM_RETURN_IF_ERROR(WriteIcon(id, harmless, icon.auto_clear));
  }
  if (icon.auto_clear && !harmless.empty()) {
    tasks_.Post([this] {
      Refresh();
      UpdateFocusWatch();
    });
  }
  return absl::OkStatus();
}

absl::Status TmuxMultiplexer::WriteIcon(const std::string& pane_id, const std::string& icon,
                                        bool auto_clear) {
  std::string window_icon;
  {
    MutexLock lock(mu_);
    const KnownPane* pane = panes_.Find(pane_id);
    if (pane == nullptr) return NotFound("tmux has no pane {}", pane_id);
    const std::string window_id = pane->window_id;
    panes_.SetIcon(pane_id, icon, auto_clear);
    window_icon = panes_.WindowIcon(window_id);
  }
  // Never with -F: the value is data. An empty one unsets.
  const auto set = [&](const char* scope, const char* name, const std::string& value) {
    if (value.empty()) return TmuxCommand{"set-option", scope, "-u", "-t", pane_id, name};
    return TmuxCommand{"set-option", scope, "-t", pane_id, "--", name, value};
  };
  return connection_
      ->Call({set("-p", kPaneIcon, icon), set("-p", kAckIcon, auto_clear ? icon : ""),
              set("-w", kWindowIcon, window_icon)})
      .status();
}

void TmuxMultiplexer::OnNotification(std::string_view line) {
  if (StartsWithAny(line, {"%session-window-changed", "%window-pane-changed",
                           "%client-session-changed", "%client-detached"})) {
    if (look_queued_.exchange(true)) return;
    tasks_.Post([this] {
      look_queued_ = false;
      Looked();
      UpdateFocusWatch();
    });
  } else if (StartsWithAny(
                 line, {"%layout-change", "%window-close", "%unlinked-window-close", "%window-add",
                        "%unlinked-window-add", "%session-changed", "%sessions-changed"})) {
    if (refresh_queued_.exchange(true)) return;
    tasks_.Post([this] {
      refresh_queued_ = false;
      Refresh();
    });
  }
}

void TmuxMultiplexer::OnClientEnded(int checks) {
  if (gone_) return;
  if (!connection_->CheckServer().ok()) {
    gone_ = true;
    if (const Events now = events(); now.on_server_gone) now.on_server_gone();
    return;
  }
  // A server that ends lets its clients go first and answers a moment longer.
  // One that stays has detached us only.
  if (checks == 1) Refresh();
  if (checks == kServerChecks) {
    RefreshPanes(/*may_be_ending=*/false);
  } else {
    tasks_.PostAfter(kFirstCheck * (1 << checks), [this, checks] { OnClientEnded(checks + 1); });
  }
}

void TmuxMultiplexer::Looked() {
  std::vector<std::string> waiting;
  {
    MutexLock lock(mu_);
    waiting = panes_.AutoClearPanes();
  }
  if (waiting.empty() || gone_) return;
  const auto viewed = PanesInView(*connection_);
  if (!viewed.ok()) return;
  for (const Viewed& view : *viewed) {
    if (!view.focused || std::find(waiting.begin(), waiting.end(), view.pane_id) == waiting.end())
      continue;
    {
      MutexLock ordered(status_mu_);
      {
        // A status that came in the meantime may be one to keep.
        MutexLock lock(mu_);
        const KnownPane* pane = panes_.Find(view.pane_id);
        if (pane == nullptr || !pane->auto_clear) continue;
      }
      if (!WriteIcon(view.pane_id, "", false).ok()) continue;
    }
    if (const Events now = events(); now.on_status_cleared) now.on_status_cleared(view.pane_id);
  }
}

void TmuxMultiplexer::Refresh() { RefreshPanes(/*may_be_ending=*/true); }

void TmuxMultiplexer::RefreshPanes(bool may_be_ending) {
  if (gone_) return;
  std::set<std::string> before;
  {
    MutexLock lock(mu_);
    before = panes_.Ids();
  }
  const auto text = connection_->CallOne(
      {"list-panes", "-a", "-F", "#{pane_id} #{window_id} #{session_id} 1 0 "});
  if (!text.ok()) return;
  std::map<std::string, KnownPane> now = ParsePanes(*text);
  // A server that ends destroys its sessions first. Those panes were not closed
  // by anybody: whether the server goes decides what is reported.
  if (now.empty() && may_be_ending) {
    OnClientEnded(kServerCheckAfterEmptyList);
    return;
  }
  // Panes of other windows are listed too; only known ones are followed.
  std::vector<std::string> gone;
  std::set<std::string> sessions;
  {
    MutexLock lock(mu_);
    std::erase_if(now, [&](const auto& entry)
                           WM_REQUIRES(mu_) { return panes_.Find(entry.first) == nullptr; });
    gone = panes_.Reconcile(now, before);
    sessions = panes_.Sessions();
  }
  if (const Events receiver = events(); receiver.on_pane_gone) {
    for (const std::string& pane : gone) receiver.on_pane_gone(pane);
  }
  for (const std::string& session : sessions) {
    if (absl::Status attached = connection_->Attach(session); !attached.ok()) {
      LogWarning("tmux",
                 Format("no control client on session {}: {}", session, MessageOf(attached)));
    }
  }
  connection_->KeepOnly(sessions);
}

void TmuxMultiplexer::UpdateFocusWatch() {
  std::vector<std::string> waiting;
  {
    MutexLock lock(mu_);
    waiting = panes_.AutoClearPanes();
  }
  if (waiting.empty() || gone_) {
    focus_watch_.reset();
    return;
  }
  if (focus_watch_ != nullptr) return;
  const auto enabled = connection_->CallOne({"show-options", "-s", "-v", "focus-events"});
  const auto viewed = PanesInView(*connection_);
  if (!enabled.ok() || *enabled != "on" || !viewed.ok()) return;
  // Coming back to the terminal matters only where it shows such a pane; moving
  // within tmux is notified anyway.
  const bool shown = std::any_of(viewed->begin(), viewed->end(), [&](const Viewed& view) {
    return std::find(waiting.begin(), waiting.end(), view.pane_id) != waiting.end();
  });
  if (!shown) return;
  focus_watch_ = std::make_unique<FocusWatch>(*connection_, runner_, [this] {
    tasks_.Post([this] {
      Looked();
      UpdateFocusWatch();
    });
  });
}

}  // namespace workmux::daemon
