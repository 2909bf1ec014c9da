#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/adapters/tmux/tmux_connection.h"
#include "daemon/ports/multiplexer.h"

namespace workmux::daemon {

struct BuiltWindow {
  WindowRef ref;
  std::vector<std::filesystem::path> ttys;  // one for each pane of ref
};

// Makes the window with its panes and options; the shells run, nothing is typed
// yet, and no client has been switched to it. On an error the window is gone.
absl::StatusOr<BuiltWindow> BuildWindow(TmuxConnection& connection, const WindowSpec& spec,
                                        std::string_view near_pane);

// The session (its id) that a window without a near pane goes to.
absl::StatusOr<std::string> MostRecentSession(TmuxConnection& connection);

// "%3", "@7", "$1": the only targets we use.
bool IsTmuxId(std::string_view id, char sigil);

// DisplayText, never empty.
std::string WindowName(std::string_view name);

}  // namespace workmux::daemon
