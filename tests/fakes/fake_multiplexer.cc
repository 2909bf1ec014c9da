#include "tests/fakes/fake_multiplexer.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace workmux::test {

using daemon::PaneInfo;
using daemon::WindowRef;

absl::Status FakeMultiplexer::Running() const {
  if (running_) return absl::OkStatus();
  return WithReason(Unavailable("no tmux server is running"), "TMUX_NOT_RUNNING");
}

WindowRef FakeMultiplexer::RefOf(const Window& window) const {
  return {"$0", window.id, window.pane_ids};
}

std::string FakeMultiplexer::AddForeignWindow(const std::string& name) {
  Window window;
  window.id = Format("@{}", next_);
  window.spec.name = name;
  window.pane_ids = {Format("%{}", next_++)};
  windows_.push_back(window);
  return window.pane_ids.front();
}

absl::StatusOr<std::string> FakeMultiplexer::ServerStart() {
  WM_RETURN_IF_ERROR(Running());
  return server_start_;
}

absl::StatusOr<WindowRef> FakeMultiplexer::CreateWindow(const daemon::WindowSpec& spec,
                                                        std::string_view near_pane) {
  WM_RETURN_IF_ERROR(Running());
  if (!window_failure_.ok()) return std::exchange(window_failure_, absl::OkStatus());
  if (spec.panes.empty() || spec.token.size() != 32 || spec.shell.empty() || spec.panes[0].split) {
    return InvalidArgument("not a window");
  }
  Window window{Format("@{}", next_), spec, std::string(near_pane), {}};
  for (std::size_t i = 0; i < spec.panes.size(); ++i) {
    window.pane_ids.push_back(Format("%{}", next_++));
  }
  if (!spec.background) selected_ = window.id;
  windows_.push_back(window);
  return RefOf(window);
}

absl::StatusOr<std::vector<WindowRef>> FakeMultiplexer::FindWindows(std::string_view token) {
  WM_RETURN_IF_ERROR(Running());
  std::vector<WindowRef> found;
  for (const Window& window : windows_) {
    if (!token.empty() && window.spec.token == token) found.push_back(RefOf(window));
  }
  return found;
}

absl::Status FakeMultiplexer::SelectWindow(const WindowRef& window, std::string_view) {
  WM_RETURN_IF_ERROR(Running());
  selected_ = window.window_id;
  return absl::OkStatus();
}

absl::Status FakeMultiplexer::KillWindow(std::string_view window_id) {
  WM_RETURN_IF_ERROR(Running());
  const auto removed = std::erase_if(windows_, [&](const Window& w) { return w.id == window_id; });
  if (removed == 0) return NotFound("no window {}", window_id);
  if (on_kill_) on_kill_();
  return absl::OkStatus();
}

absl::Status FakeMultiplexer::RenameWindow(std::string_view window_id, std::string_view name) {
  WM_RETURN_IF_ERROR(Running());
  for (Window& window : windows_) {
    if (window.id != window_id) continue;
    window.spec.name = std::string(name);
    return absl::OkStatus();
  }
  return NotFound("no window {}", window_id);
}

absl::StatusOr<std::vector<PaneInfo>> FakeMultiplexer::ListPanes() {
  WM_RETURN_IF_ERROR(Running());
  std::vector<PaneInfo> panes;
  for (const Window& window : windows_) {
    for (const std::string& id : window.pane_ids) {
      PaneInfo pane;
      pane.pane_id = id;
      pane.window_id = window.id;
      pane.session_id = "$0";
      pane.server_start = server_start_;
      pane.session_name = "s";
      pane.window_name = window.spec.name;
      pane.token = window.spec.token;
      panes.push_back(std::move(pane));
    }
  }
  return panes;
}

absl::Status FakeMultiplexer::ShowStatus(std::string_view pane_id, const daemon::ShownIcon& icon) {
  WM_RETURN_IF_ERROR(Running());
  icons[std::string(pane_id)] = icon.text;
  auto_clears[std::string(pane_id)] = icon.auto_clear;
  edits_format[std::string(pane_id)] = icon.edit_format;
  return absl::OkStatus();
}

absl::Status FakeMultiplexer::SetTitle(std::string_view pane_id, std::string_view title) {
  WM_RETURN_IF_ERROR(Running());
  titles[std::string(pane_id)] = title;
  return absl::OkStatus();
}

}  // namespace workmux::test
