#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/base/mutex.h"
#include "common/process/command_runner.h"
#include "daemon/async/event_loop.h"
#include "daemon/async/executor.h"
#include "daemon/domain/sandbox_check.h"
#include "daemon/ports/verification_records.h"
#include "daemon/verify/compare.h"

namespace workmux::daemon {

// Has sandboxes probed from inside (guest/probe) and compares what comes back with
// what was meant: before the command of the first sandbox of each combination, and
// whenever somebody asks. Thread-safe; a lock is never held over a call of others.
class SandboxVerifier : public SandboxCheck, public StartProbes {
 public:
  struct Deps {
    VerificationRecords& records;
    const SandboxBackends& backends;
    CommandRunner& runner;
    EventLoop& loop;
    Executor& executor;
    // Ends a sandbox by its session; may block.
    std::function<void(const std::string& session_id, const std::string& why)> end;
    // A sandbox that was told to let itself be probed and does not is not what was
    // made.
    std::chrono::milliseconds report_limit = std::chrono::seconds(60);
    // What the guest program has to say is shown before the sandbox goes.
    std::chrono::milliseconds end_after = std::chrono::seconds(2);
  };
  explicit SandboxVerifier(Deps deps) : deps_(std::move(deps)) {}
  ~SandboxVerifier() override;

  std::unique_ptr<Question> Ask(const SessionPlan& plan) override;
  absl::Status Expect(Question& question, const SessionPlan& plan, const MountSources& sources,
                      const Env& caller, SandboxSpec& spec) override;
  void Started(const std::string& session_id) override;
  void Ended(const std::string& session_id) override;

  absl::StatusOr<std::string> BeginProbe(const std::string& session_id) override;
  absl::Status FinishProbe(const std::string& session_id, const std::string& report) override;

  absl::StatusOr<Verification> Verify(const SessionRecord& record, const Env& caller) override;

 private:
  struct Answer;
  class Asked;
  using Timer = std::unique_ptr<EventLoop::Registration>;

  absl::StatusOr<VerificationRecords::Meant> MeantOf(const std::string& session_id);
  Timer EndIn(const std::string& session_id, std::chrono::milliseconds delay,
              const std::string& why);

  const Deps deps_;
  Mutex mu_;
  std::set<std::string> reported_ WM_GUARDED_BY(mu_);  // sessions whose report was taken
  std::map<std::string, Timer> timers_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
