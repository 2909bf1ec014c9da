#pragma once

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>

#include "cli/client/daemon_launcher.h"
#include "common/process/command.h"

namespace workmux::control::v1 {
class OpenSessionRequest;
class ExecPlan;
}  // namespace workmux::control::v1

namespace workmux::cli {

// What the daemon made ready.
struct SessionPlan {
  std::string session_id;
  std::string backend;
  Command command;
};

// Holds a session open on a thread of its own. The open stream is the lease;
// when it breaks after the session was ready, it is resumed for as long as this
// object lives: nothing of that shows, and the program goes on meanwhile.
class SessionLease {
 public:
  struct Callbacks {
    // Called on the lease's thread until the session is ready.
    absl::AnyInvocable<void(const std::string& title, const std::string& detail)> on_progress;
    absl::AnyInvocable<void(const std::string& message)> on_warning;
    // Called by RunSession before the program starts: the terminal is its own then.
    absl::AnyInvocable<void()> on_ready;
  };
  struct State {
    std::optional<SessionPlan> plan;
    std::optional<absl::Status> failure;  // the session never became ready
    std::optional<absl::Status> revoked;  // the daemon took the sandbox away
    bool stop_answered = false;           // StopSession is done or hopeless
  };
  // What the daemon makes of the program's end.
  struct Verdict {
    int exit_code = 0;
    std::string start_failure;
    std::string reason = {};
    std::string hint = {};
  };

  SessionLease(const DaemonLauncher& launcher, const control::v1::OpenSessionRequest& request,
               Callbacks callbacks);
  // Ends the stream and joins.
  ~SessionLease();
  SessionLease(const SessionLease&) = delete;
  SessionLease& operator=(const SessionLease&) = delete;

  // Readable when the state has changed since the last call of state().
  int event_fd() const;
  State state();

  // Asks the daemon to end the sandbox's processes; returns at once, and
  // State::stop_answered tells when it is done.
  void RequestStop();
  // Tells the daemon how the program ended. Starts no daemon and waits at most
  // 10 s: the daemon also sees the lease end by itself.
  absl::StatusOr<Verdict> Close(const ExitStatus& exit);
  // Gives up a session that is still being opened.
  void Cancel();

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

// Descriptor numbers outside 3..255 are refused: kInvalidArgument.
absl::StatusOr<Command> CommandFromPlan(const control::v1::ExecPlan& plan);

}  // namespace workmux::cli
