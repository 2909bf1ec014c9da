#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/shared_mutex.h"
#include "common/process/command_runner.h"
#include "daemon/adapters/tmux/control_client.h"

namespace workmux::daemon {

// How commands reach one tmux server: over a control client while one is
// attached, else in one new process for the whole batch. Never starts a server.
// Thread-safe.
class TmuxConnection {
 public:
  struct Callbacks {
    // Both on a client's reader thread.
    std::function<void(std::string_view line)> on_notification;
    std::function<void()> on_client_ended;
  };

  // `tmux` is the program's absolute path. kUnavailable (TMUX_NOT_RUNNING) when
  // nobody listens at `socket`, kPermissionDenied when another user does.
  static absl::StatusOr<std::unique_ptr<TmuxConnection>> Open(std::filesystem::path tmux,
                                                              std::string socket,
                                                              CommandRunner& runner,
                                                              Callbacks callbacks);

  const std::string& socket() const { return socket_; }

  // What each command printed; the first error when one failed. All of them have
  // been tried then over a control client, none behind the failed one otherwise.
  absl::StatusOr<std::vector<std::string>> Call(const std::vector<TmuxCommand>& commands);
  absl::StatusOr<std::string> CallOne(TmuxCommand command);

  // Keeps a control client on the session from now on. Does nothing when the
  // session may not have one (destroy-unattached or exit-unattached is set: our
  // client would keep alive what the user wants gone).
  absl::Status Attach(const std::string& session_id);
  // Detaches from all other sessions.
  void KeepOnly(const std::set<std::string>& session_ids);
  // Whether a server of ours answers at the socket; no process is started.
  absl::Status CheckServer() const;

  // An argv that runs `command` in a new process on this server, with -N.
  Command ProcessFor(const std::vector<TmuxCommand>& commands) const;

 private:
  TmuxConnection(std::filesystem::path tmux, std::string socket, CommandRunner& runner,
                 Callbacks callbacks);
  std::shared_ptr<ControlClient> AnyClient() WM_EXCLUDES(mu_);
  absl::StatusOr<std::vector<std::string>> CallNow(const std::vector<TmuxCommand>& commands);
  absl::StatusOr<std::vector<std::string>> CallProcess(const std::vector<TmuxCommand>& commands);

  const std::filesystem::path tmux_;
  const std::string socket_;
  const Env env_;
  CommandRunner& runner_;
  const Callbacks callbacks_;
  // Written by one attach at a time, read by every call; before mu_. tmux up to 3.3a
  // dies of a null pointer when a pane, window or session changes while a control
  // client is saying who it is, so no command of ours runs then.
  SharedMutex attach_mu_;
  Mutex mu_;
  // Shared: a call may still use a client that is being dropped.
  std::map<std::string, std::shared_ptr<ControlClient>> clients_ WM_GUARDED_BY(mu_);
};

// The status for an error message of tmux.
absl::Status TmuxError(std::string_view command, std::string_view message);

}  // namespace workmux::daemon
