#include "daemon/adapters/tmux/tmux_servers.h"

#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/process/posix_command_runner.h"

namespace workmux::daemon {

absl::StatusOr<std::shared_ptr<Multiplexer>> TmuxServers::Get(const std::string& socket) {
  if (!socket.starts_with('/'))
    return InvalidArgument("{} is not the path of a tmux socket", socket);
  std::shared_ptr<TmuxMultiplexer> old;  // destroyed without the lock
  // Held while opening (one tmux process), so that a server is opened once.
  MutexLock lock(mu_);
  std::shared_ptr<TmuxMultiplexer>& slot = servers_[socket];
  if (slot != nullptr && slot->Running()) return std::shared_ptr<Multiplexer>(slot);
  old = std::move(slot);
  servers_.erase(socket);
  WM_ASSIGN_OR_RETURN(std::filesystem::path tmux, FindProgram("tmux", CurrentEnv()));
  WM_ASSIGN_OR_RETURN(std::shared_ptr<TmuxMultiplexer> opened,
                      TmuxMultiplexer::Open(std::move(tmux), socket, runner_));
  servers_[socket] = opened;
  return std::shared_ptr<Multiplexer>(std::move(opened));
}

void TmuxServers::DropGone() {
  std::vector<std::shared_ptr<TmuxMultiplexer>> gone;
  MutexLock lock(mu_);
  for (auto it = servers_.begin(); it != servers_.end();) {
    if (it->second->Running()) {
      ++it;
      continue;
    }
    gone.push_back(std::move(it->second));
    it = servers_.erase(it);
  }
}

}  // namespace workmux::daemon
