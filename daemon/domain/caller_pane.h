#pragma once

#include <optional>
#include <string>

#include "daemon/domain/types.h"

namespace workmux::daemon {

struct CallerPane {
  std::string tmux_socket;
  std::string pane_id;
};

// The pane that a caller stands in, from what tmux puts into its environment
// (tmux(1), ENVIRONMENT): TMUX is SOCKET,PID,SESSION and TMUX_PANE the pane's id.
// None outside of tmux.
std::optional<CallerPane> CallerPaneOf(const Caller& caller);

// The socket of the tmux server that the caller stands in. Outside tmux
// $WORKMUX_TMUX_SOCKET, else the default one (tmux(1), -L): $TMUX_TMPDIR or /tmp,
// then tmux-UID/default.
std::string TmuxSocketOf(const Caller& caller);

}  // namespace workmux::daemon
