#include "daemon/domain/session_guest_actions.h"

#include "common/base/status.h"
#include "common/log/log.h"

namespace workmux::daemon {
namespace {

// tmux may be away for a moment; that is no affair of the guest's, and its
// wording would tell the guest about the host.
absl::Status ForGuest(const absl::Status& status) {
  if (status.ok()) return status;
  LogWarning("guest", MessageOf(status));
  if (status.code() == absl::StatusCode::kUnavailable ||
      status.code() == absl::StatusCode::kNotFound) {
    return absl::OkStatus();
  }
  return Internal("the host could not show it");
}

}  // namespace

absl::Status SessionGuestActions::SetGuestStatus(std::string_view session_id, AgentStatus status) {
  const auto session = sessions_.Find(session_id);
  if (!session) return Unauthenticated("unauthenticated");
  if (!session->pane) return absl::OkStatus();
  return ForGuest(agents_.SetStatus(session->pane->tmux_socket, session->pane->pane_id, status,
                                    session->icons,
                                    {.workdir = session->cwd,
                                     .worktree = session->worktree.path,
                                     .repository = session->worktree.repository.common_dir,
                                     .branch = session->worktree.branch,
                                     .agent_kind = session->agent,
                                     .session_id = session->id}));
}

absl::Status SessionGuestActions::SetGuestTitle(std::string_view session_id,
                                                std::string_view title) {
  const auto session = sessions_.Find(session_id);
  if (!session) return Unauthenticated("unauthenticated");
  if (!session->pane) return absl::OkStatus();
  return ForGuest(agents_.SetTitle(session->pane->tmux_socket, session->pane->pane_id, title));
}

}  // namespace workmux::daemon
