#pragma once

#include <absl/status/statusor.h>

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "daemon/adapters/tmux/control_parser.h"
#include "daemon/adapters/tmux/tmux_process.h"
#include "daemon/adapters/tmux/tmux_quote.h"

namespace workmux::daemon {

// One `tmux -C attach-session` child. It counts as an attached and focused
// client of its session, takes no part in window sizes, gets no pane output and
// leaves the session's environment alone.
//
// Thread-safe. A thread of its own blocks in read(2); the callbacks run on it,
// must not block and must not destroy the client.
class ControlClient {
 public:
  struct Callbacks {
    std::function<void(std::string_view line)> on_notification;
    std::function<void()> on_exit;  // once, after the last notification
  };

  // `session_id` is "$3". Returns when tmux has accepted the attach.
  static absl::StatusOr<std::unique_ptr<ControlClient>> Attach(const std::string& tmux,
                                                               const std::string& socket,
                                                               const std::string& session_id,
                                                               const Env& env, Callbacks callbacks);
  // Detaches and waits for the child, at most half a second before it kills it.
  ~ControlClient();
  ControlClient(const ControlClient&) = delete;
  ControlClient& operator=(const ControlClient&) = delete;

  // Runs the commands in order, also behind one that fails, in one round trip.
  // kUnavailable when the client has ended, kDeadlineExceeded when tmux did not
  // answer in time; what was sent may still run then.
  absl::StatusOr<std::vector<TmuxReply>> Call(std::span<const TmuxCommand> commands,
                                              std::chrono::milliseconds timeout);
  bool alive() const;

 private:
  // Shared by the caller and the reader, since a caller may give up first.
  struct PendingCall {
    std::size_t expected = 0;
    std::vector<TmuxReply> replies;
    bool lost = false;
  };

  ControlClient(PipedChild child, Callbacks callbacks);
  void ReadLoop();
  void TakeReply(TmuxReply reply) WM_EXCLUDES(mu_);
  absl::Status WriteLines(std::string_view lines, std::chrono::steady_clock::time_point deadline)
      WM_REQUIRES(mu_);
  void Kill() WM_REQUIRES(mu_);

  const pid_t pid_;
  const UniqueFd out_;
  const Callbacks callbacks_;
  mutable Mutex mu_;
  CondVar changed_;
  UniqueFd in_ WM_GUARDED_BY(mu_);
  std::deque<std::shared_ptr<PendingCall>> calls_ WM_GUARDED_BY(mu_);
  bool ended_ WM_GUARDED_BY(mu_) = false;  // no more output
  std::thread reader_;                     // last: starts when all else is there
};

}  // namespace workmux::daemon
