#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/ports/multiplexers.h"

namespace workmux::test {

// A tmux server in memory, with one session.
class FakeMultiplexer : public daemon::Multiplexer {
 public:
  struct Window {
    std::string id;
    daemon::WindowSpec spec;
    std::string near_pane;
    std::vector<std::string> pane_ids;
  };

  const std::vector<Window>& windows() const { return windows_; }
  const std::string& selected() const { return selected_; }
  // A window of somebody else; gives its pane.
  std::string AddForeignWindow(const std::string& name);
  void set_running(bool running) { running_ = running; }
  void set_server_start(std::string start) { server_start_ = std::move(start); }
  // What each pane shows.
  std::map<std::string, std::string> icons;
  std::map<std::string, std::string> titles;
  std::map<std::string, bool> auto_clears;
  std::map<std::string, bool> edits_format;
  // tmux reports that the pane is gone.
  void ReportPaneGone(const std::string& pane) {
    if (events_.on_pane_gone) events_.on_pane_gone(pane);
  }
  void FailNextWindow(absl::Status status) { window_failure_ = std::move(status); }
  // Called when a window is killed.
  void OnKill(std::function<void()> on_kill) { on_kill_ = std::move(on_kill); }

  const std::string& socket() const override { return socket_; }
  absl::StatusOr<std::string> ServerStart() override;
  absl::StatusOr<daemon::WindowRef> CreateWindow(const daemon::WindowSpec& spec,
                                                 std::string_view near_pane) override;
  absl::StatusOr<std::vector<daemon::WindowRef>> FindWindows(std::string_view token) override;
  absl::Status SelectWindow(const daemon::WindowRef& window, std::string_view client_pane) override;
  absl::Status KillWindow(std::string_view window_id) override;
  absl::Status RenameWindow(std::string_view window_id, std::string_view name) override;
  absl::StatusOr<std::vector<daemon::PaneInfo>> ListPanes() override;
  absl::Status ShowStatus(std::string_view pane_id, const daemon::ShownIcon& icon) override;
  absl::Status SetTitle(std::string_view pane_id, std::string_view title) override;
  void Observe(Events events) override { events_ = std::move(events); }

 private:
  absl::Status Running() const;
  daemon::WindowRef RefOf(const Window& window) const;

  std::string socket_ = "/fake/tmux";
  std::string server_start_ = "1700000000";
  std::vector<Window> windows_;
  std::string selected_;
  absl::Status window_failure_;
  std::function<void()> on_kill_;
  Events events_;
  bool running_ = true;
  unsigned next_ = 1;
};

// The one server, at whatever socket; no server while it does not run.
class FakeMultiplexers : public daemon::Multiplexers {
 public:
  absl::StatusOr<std::shared_ptr<daemon::Multiplexer>> Get(const std::string&) override {
    if (absl::StatusOr<std::string> start = server->ServerStart(); !start.ok())
      return start.status();
    return server;
  }

  std::shared_ptr<FakeMultiplexer> server = std::make_shared<FakeMultiplexer>();
};

}  // namespace workmux::test
