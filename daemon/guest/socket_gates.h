#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/base/mutex.h"
#include "common/base/unique_fd.h"
#include "daemon/async/event_loop.h"
#include "daemon/async/executor.h"
#include "daemon/ports/firewall_gates.h"

namespace workmux::daemon {

// Never waits for the loop with its lock, which the loop takes.
class SocketGates : public FirewallGates {
 public:
  SocketGates(EventLoop& loop, Executor& executor) : loop_(loop), executor_(executor) {}
  ~SocketGates() override;

  absl::Status Open(const std::string& session_id, const std::filesystem::path& socket,
                    Apply apply) override;
  void Close(const std::string& session_id) override;

 private:
  struct Gate {
    std::filesystem::path socket;
    Apply apply;  // empty: it was asked
    std::unique_ptr<EventLoop::Registration> listener;
  };
  void Take(const std::string& session_id, UniqueFd connection);

  EventLoop& loop_;
  Executor& executor_;
  Mutex mu_;
  std::map<std::string, Gate> gates_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
