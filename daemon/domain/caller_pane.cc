#include "daemon/domain/caller_pane.h"

#include <unistd.h>

#include "common/base/format.h"
#include "common/process/env.h"

namespace workmux::daemon {
namespace {

// A socket's path may hold commas, what follows it cannot.
std::string SocketIn(std::string tmux) {
  for (int field = 0; field < 2; ++field) {
    if (const auto comma = tmux.rfind(','); comma != std::string::npos) tmux.resize(comma);
  }
  return tmux;
}

}  // namespace

std::optional<CallerPane> CallerPaneOf(const Caller& caller) {
  const std::string tmux = Lookup(caller.env, "TMUX");
  const std::string pane = Lookup(caller.env, "TMUX_PANE");
  if (tmux.empty() || pane.empty()) return std::nullopt;
  return CallerPane{.tmux_socket = SocketIn(tmux), .pane_id = pane};
}

std::string TmuxSocketOf(const Caller& caller) {
  if (const std::string tmux = Lookup(caller.env, "TMUX"); !tmux.empty()) return SocketIn(tmux);
  const std::string chosen = Lookup(caller.env, "WORKMUX_TMUX_SOCKET");
  if (!chosen.empty()) return chosen;
  const std::string dir = Lookup(caller.env, "TMUX_TMPDIR");
  return Format("{}/tmux-{}/default", dir.starts_with('/') ? dir : "/tmp", ::geteuid());
}

}  // namespace workmux::daemon
