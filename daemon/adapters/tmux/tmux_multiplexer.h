#pragma once

#include <absl/status/statusor.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/mutex.h"
#include "common/process/command_runner.h"
#include "daemon/adapters/tmux/focus_watch.h"
#include "daemon/adapters/tmux/pane_registry.h"
#include "daemon/adapters/tmux/pane_typer.h"
#include "daemon/adapters/tmux/task_thread.h"
#include "daemon/adapters/tmux/tmux_connection.h"
#include "daemon/ports/multiplexer.h"

namespace workmux::daemon {

// One running tmux server, spoken to in control mode. Thread-safe.
//
// A control client stays attached to every session that holds a pane of ours,
// because tmux reports layout changes only to clients of that session. Events
// and everything that follows from a notification run on one thread of ours.
//
// Icons: a window shows the icon that was set last among its panes; when that
// one goes, the last of the others comes back.
class TmuxMultiplexer : public Multiplexer {
 public:
  // `runner` outlives this. kUnavailable (TMUX_NOT_RUNNING) when no server
  // answers at `socket`; none is ever started.
  static absl::StatusOr<std::unique_ptr<TmuxMultiplexer>> Open(std::filesystem::path tmux,
                                                               std::string socket,
                                                               CommandRunner& runner);
  // Types what is still to be typed, then detaches. Windows stay.
  ~TmuxMultiplexer() override;

  const std::string& socket() const override { return connection_->socket(); }
  absl::StatusOr<std::string> ServerStart() override;
  // Returns when the windows and panes exist; the commands are typed as the
  // shells become ready.
  absl::StatusOr<WindowRef> CreateWindow(const WindowSpec& spec,
                                         std::string_view near_pane) override;
  absl::StatusOr<std::vector<WindowRef>> FindWindows(std::string_view token) override;
  absl::Status SelectWindow(const WindowRef& window, std::string_view client_pane) override;
  absl::Status KillWindow(std::string_view window_id) override;
  absl::Status RenameWindow(std::string_view window_id, std::string_view name) override;
  absl::StatusOr<std::vector<PaneInfo>> ListPanes() override;
  absl::Status ShowStatus(std::string_view pane_id, const ShownIcon& icon) override;
  absl::Status SetTitle(std::string_view pane_id, std::string_view title) override;
  void Observe(Events events) override;

  // Whether the server still answers; false is final.
  bool Running() const { return !gone_ && connection_->CheckServer().ok(); }

 private:
  explicit TmuxMultiplexer(CommandRunner& runner);

  // On a control client's reader thread.
  void OnNotification(std::string_view line);
  // The rest on the task thread.
  void OnClientEnded(int checks);
  void Looked();
  void Refresh();
  void RefreshPanes(bool may_be_ending);
  void UpdateFocusWatch();

  absl::Status LoadPanes() WM_EXCLUDES(mu_);
  absl::StatusOr<KnownPane> EnsurePane(const std::string& pane_id);
  absl::Status EnsureStyled(const std::string& window_id);
  absl::Status WriteIcon(const std::string& pane_id, const std::string& icon, bool auto_clear);
  Events events() WM_EXCLUDES(mu_);

  CommandRunner& runner_;
  std::unique_ptr<TmuxConnection> connection_;
  Mutex status_mu_;  // orders the writes of icons; before mu_
  Mutex mu_;
  PaneRegistry panes_ WM_GUARDED_BY(mu_);
  Events events_ WM_GUARDED_BY(mu_);
  std::atomic<bool> gone_{false};
  std::atomic<bool> look_queued_{false};
  std::atomic<bool> refresh_queued_{false};
  std::unique_ptr<FocusWatch> focus_watch_;  // task thread only
  std::unique_ptr<PaneTyper> typer_;
  TaskThread tasks_;
};

}  // namespace workmux::daemon
