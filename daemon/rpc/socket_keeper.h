#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>

#include <absl/status/status.h>

#include "common/base/mutex.h"
#include "daemon/async/event_loop.h"
#include "daemon/async/executor.h"

namespace workmux::daemon {

// Looks from time to time whether the daemon can still be reached under its
// socket's path, and has it listen anew when the path is gone: a runtime directory
// is wiped at logout while the daemon, which holds its locks, lives on.
class SocketKeeper {
 public:
  using Listen = std::function<absl::Status()>;  // on the executor; makes what is missing

  SocketKeeper(EventLoop& loop, Executor& executor, std::filesystem::path socket, Listen listen,
               std::chrono::milliseconds interval = std::chrono::seconds(5));
  ~SocketKeeper() { Stop(); }

  // Nothing is posted after it; a look that was posted does nothing.
  void Stop();

 private:
  void Arm();
  void Look();

  EventLoop& loop_;
  Executor& executor_;
  const std::filesystem::path socket_;
  const Listen listen_;
  const std::chrono::milliseconds interval_;

  Mutex mu_;
  bool stopped_ WM_GUARDED_BY(mu_) = false;
  std::unique_ptr<EventLoop::Registration> timer_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
