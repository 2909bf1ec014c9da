#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "daemon/domain/mount_sources.h"
#include "daemon/domain/sandbox_spec.h"
#include "daemon/domain/session_planner.h"
#include "daemon/domain/session_record.h"

namespace workmux::daemon {

// One thing that is not as it was meant to be.
struct Difference {
  std::string defence;  // one of kDefences
  std::string expected;
  std::string found;
};

// Looked at in sandboxes whose network is restricted.
inline constexpr std::string_view kNetworkDefence = "network";

// What is looked at, in the order in which it is shown.
inline constexpr std::string_view kDefences[] = {
    "report",   "capabilities",  "no-new-privileges", "seccomp",
    "identity", "mounts",        "protected paths",   "kernel",
    "sockets",  kNetworkDefence, "environment",       "limits"};

// The outcome of a comparison.
struct Verification {
  std::string sandbox;
  std::string backend;
  std::vector<Difference> differences;
  std::vector<std::string> weakened;  // what the user asked for
  bool restricted = false;            // its network was looked at: an open one is none to defend
};

// Compares sandboxes with what they were meant to be. Thread-safe.
class SandboxCheck {
 public:
  virtual ~SandboxCheck() = default;

  // What the engine was asked about a sandbox that is being made.
  class Question {
   public:
    virtual ~Question() = default;
  };
  // Returns at once; the engine is asked beside the other preparations.
  virtual std::unique_ptr<Question> Ask(const SessionPlan& plan) = 0;
  // Keeps what the sandbox is meant to be. One with a bridge whose combination of
  // engine, image and policy has not passed before is told to let itself be probed
  // before its command runs (WM_PROBE). Waits for the engine's answer. What
  // cannot be found out counts as not passed.
  virtual absl::Status Expect(Question& question, const SessionPlan& plan,
                              const MountSources& sources, const Env& caller,
                              SandboxSpec& spec) = 0;
  // The client has what starts the sandbox: from now on its report is waited for.
  virtual void Started(const std::string& session_id) = 0;
  virtual void Ended(const std::string& session_id) = 0;
  // Probes a running sandbox now. An agent that runs in it already can keep the
  // probe from reporting (a difference) or forge what it sees of its own making:
  // what is attested is what workmux and the engine set up. Errors:
  // VERIFY_NOT_SUPPORTED, SANDBOX_NOT_PROBED (it does not run).
  virtual absl::StatusOr<Verification> Verify(const SessionRecord& record, const Env& caller) = 0;
};

// What a sandbox that is about to run its command says of itself. Messages are
// serialised ones of workmux.guest.v1. Thread-safe, may block.
class StartProbes {
 public:
  virtual ~StartProbes() = default;
  // The ProbeRequest. kFailedPrecondition unless the session's start waits for it.
  virtual absl::StatusOr<std::string> BeginProbe(const std::string& session_id) = 0;
  // Takes the ProbeReport, once for a session. kFailedPrecondition names the
  // difference, and the sandbox ends.
  virtual absl::Status FinishProbe(const std::string& session_id, const std::string& report) = 0;
};

}  // namespace workmux::daemon
