#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/types.h"

namespace workmux::daemon {

enum class SplitDirection {
  kHorizontal,
  kVertical
};  // side by side (-h), one above the other (-v)

struct PaneSpec {
  std::filesystem::path cwd;
  std::string command;  // one line typed into the login shell; empty: a plain shell
  bool focus = false;
  bool zoom = false;
  std::optional<SplitDirection> split;  // unset for the first pane only
  std::optional<int> size;              // cells
  std::optional<int> percentage;        // 1..100
  std::optional<int> target;            // index of an earlier pane; unset: the last one
};

struct WindowSpec {
  std::string name;
  std::string token;            // ownership: 32 hex digits, stored as @workmux_token
  std::vector<PaneSpec> panes;  // at least one
  Env env;                      // set in the window's panes with -e
  std::string shell;            // absolute path of the user's login shell
  bool background = false;      // do not switch to it
  bool at_end = false;          // behind the session's last window instead of near_pane's
};

struct WindowRef {
  std::string session_id;  // "$3"
  std::string window_id;   // "@7"
  std::vector<std::string> pane_ids;
};

struct PaneInfo {
  std::string pane_id;
  std::string window_id;
  std::string session_id;
  std::string server_start;  // #{start_time} of its server
  std::string session_name;
  std::string window_name;
  std::string token;  // of the window; empty when it is not ours
  bool seen =
      false;  // active pane of the active window of a session that a focused person's client shows
};

// What is shown behind a window's name.
struct ShownIcon {
  std::string text;  // from the user's configuration only: tmux style codes stay; empty: none
  bool auto_clear = false;  // goes when a person next looks at the pane
  bool edit_format =
      true;  // false: the user's window-status-format shows @workmux_status by itself
};

// One tmux server. Thread-safe; calls block until tmux has answered. The daemon
// never starts a server: kUnavailable (TMUX_NOT_RUNNING) when none answers.
// No text of a guest or repository ever becomes a tmux format: names are
// reduced to harmless characters and set as data.
class Multiplexer {
 public:
  virtual ~Multiplexer() = default;

  virtual const std::string& socket() const = 0;
  // #{start_time} of the server.
  virtual absl::StatusOr<std::string> ServerStart() = 0;

  // Creates the window with its panes; their commands are typed as the shells
  // become ready, which may be after the return. The window
  // stands behind the one of `near_pane` ("%3") in its session; empty: the most
  // recently used session. On an error nothing of the window is left.
  virtual absl::StatusOr<WindowRef> CreateWindow(const WindowSpec& spec,
                                                 std::string_view near_pane) = 0;
  // Windows with this ownership token, however the user has named them.
  virtual absl::StatusOr<std::vector<WindowRef>> FindWindows(std::string_view token) = 0;
  virtual absl::Status SelectWindow(const WindowRef& window, std::string_view client_pane) = 0;
  virtual absl::Status KillWindow(std::string_view window_id) = 0;
  virtual absl::Status RenameWindow(std::string_view window_id, std::string_view name) = 0;
  virtual absl::StatusOr<std::vector<PaneInfo>> ListPanes() = 0;

  virtual absl::Status ShowStatus(std::string_view pane_id, const ShownIcon& icon) = 0;
  // Plain text of a guest, already reduced; stored as a window option.
  virtual absl::Status SetTitle(std::string_view pane_id, std::string_view title) = 0;

  struct Events {
    // Closed or ended while the server lives; not when the server goes.
    std::function<void(const std::string& pane_id)> on_pane_gone;
    std::function<void(const std::string& pane_id)> on_status_cleared;  // a person looked
    std::function<void()> on_server_gone;
  };
  // Replaces the receiver. Called from the client's own thread; must not block.
  virtual void Observe(Events events) = 0;
};

}  // namespace workmux::daemon
