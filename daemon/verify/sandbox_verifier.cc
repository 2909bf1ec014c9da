#include "daemon/verify/sandbox_verifier.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/base/version.h"
#include "common/io/file.h"
#include "common/log/log.h"
#include "common/os/mount_points.h"
#include "daemon/config/config_trust.h"
#include "daemon/verify/expectation.h"
#include "daemon/verify/host_sockets.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::guest::v1;
using state::v1::Expectation;

constexpr std::chrono::seconds kProbeLimit{10};
constexpr std::size_t kMostReport = 4u << 20;
constexpr std::size_t kMostStartReport = 1u << 20;
constexpr char kProbeVariable[] = "WM_PROBE";  // guest/enter.h

// The engine could not say what the sandbox is made of: a proof is good for it alone.
constexpr char kUnknownCombination[] = "?";

std::string Line(const Difference& difference) {
  return Format("{}: expected {}, found {}", difference.defence, difference.expected,
                difference.found);
}

// "mounts, sockets": they are in order.
std::string DefencesOf(const std::vector<Difference>& differences) {
  std::vector<std::string> names;
  for (const Difference& difference : differences) {
    if (names.empty() || names.back() != difference.defence) names.push_back(difference.defence);
  }
  return Join(names, ", ");
}

std::string Kernel() {
  utsname name{};
  return ::uname(&name) == 0 ? std::string(name.release) : std::string("?");
}

// Session and names go with every sandbox; what is left is what counts.
absl::StatusOr<std::string> CombinationOf(const SandboxProvenance& provenance,
                                          const Expectation& expectation) {
  return Sha256Hex(Format("{}\n{}\n{}\n", provenance.text, Kernel(), kVersion) +
                   PolicyOf(expectation));
}

// Why there is no report, as a difference; empty: there is one. The error of a
// client that never got as far as the probe.
absl::StatusOr<std::string> WhyMissing(const std::string& sandbox,
                                       const absl::StatusOr<CommandResult>& result) {
  if (absl::IsDeadlineExceeded(result.status())) return "none in time";
  if (absl::IsResourceExhausted(result.status())) return "one that is too long";
  if (result.ok() && result->exit.ShellCode() > 128) return "none: the probe was killed";
  if (result.ok() && result->exit.ok()) return std::string();
  const std::string said = result.ok() ? LastLines(result->err, 3) : MessageOf(result.status());
  return WithHint(
      WithReason(Unavailable("{} could not be probed: {}", sandbox, said), "SANDBOX_NOT_PROBED"),
      "See whether it runs with: workmux sandbox list");
}

void LogDifferences(const std::string& sandbox, const std::vector<Difference>& differences) {
  for (const Difference& difference : differences)
    LogWarning("verify", Format("{}: {}", sandbox, Line(difference)));
}

}  // namespace

// Shared with the job, which may outlive the session that asked. Whoever needs the
// answer asks by itself when no worker has come to it: all of them may be waiting so.
struct SandboxVerifier::Answer {
  Answer(SandboxBackend& asked, std::string of) : backend(asked), image(std::move(of)) {}

  void Find() {
    if (taken.test_and_set()) return;
    absl::StatusOr<SandboxProvenance> found = backend.Provenance(image);
    MutexLock lock(mu);
    provenance = std::move(found);
    done = true;
    changed.notify_all();
  }
  absl::StatusOr<SandboxProvenance> Wait() {
    Find();
    MutexLock lock(mu);
    while (!done) changed.wait(mu);
    return provenance;
  }

  SandboxBackend& backend;
  const std::string image;
  std::atomic_flag taken;
  Mutex mu;
  CondVar changed;
  bool done WM_GUARDED_BY(mu) = false;
  absl::StatusOr<SandboxProvenance> provenance WM_GUARDED_BY(mu) = absl::UnknownError("not asked");
};

class SandboxVerifier::Asked : public SandboxCheck::Question {
 public:
  explicit Asked(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  absl::StatusOr<SandboxProvenance> Wait() { return answer_->Wait(); }

 private:
  const std::shared_ptr<Answer> answer_;
};

SandboxVerifier::~SandboxVerifier() {
  // Each timer waits for its callback, which takes the lock.
  std::map<std::string, Timer> timers;
  MutexLock lock(mu_);
  timers.swap(timers_);
}

std::unique_ptr<SandboxCheck::Question> SandboxVerifier::Ask(const SessionPlan& plan) {
  auto answer = std::make_shared<Answer>(*plan.backend, plan.image);
  deps_.executor.Post([answer] { answer->Find(); });
  return std::make_unique<Asked>(std::move(answer));
}

absl::Status SandboxVerifier::Expect(Question& question, const SessionPlan& plan,
                                     const MountSources& sources, const Env& caller,
                                     SandboxSpec& spec) {
  const absl::StatusOr<SandboxMakeup> makeup = plan.backend->Describe(spec, caller);
  if (absl::IsUnimplemented(makeup.status())) return absl::OkStatus();
  WM_RETURN_IF_ERROR(makeup.status());
  // An image that has yet to come: nothing is known to have passed.
  const absl::StatusOr<SandboxProvenance> provenance = static_cast<Asked&>(question).Wait();
  WM_ASSIGN_OR_RETURN(const std::string mountinfo, ReadFile("/proc/self/mountinfo", 8u << 20));
  const Expectation expectation = BuildExpectation(
      {.plan = plan,
       .spec = spec,
       .makeup = *makeup,
       .sources = sources.all(),
       .image_variables = provenance.ok() ? provenance->variables : std::vector<std::string>(),
       .sockets = HostSockets(caller, ::geteuid()),
       .mount_points = MountPoints(mountinfo)});
  VerificationRecords::Meant meant{plan.session_id, ToText(expectation), {}};
  if (plan.bridge) {
    bool verified = false;
    if (provenance.ok()) {
      WM_ASSIGN_OR_RETURN(meant.combination, CombinationOf(*provenance, expectation));
      WM_ASSIGN_OR_RETURN(verified, deps_.records.IsVerified(meant.combination));
    } else {
      meant.combination = kUnknownCombination;
    }
    if (verified) {
      meant.combination.clear();
    } else {
      spec.env[kProbeVariable] = "1";
    }
  }
  return deps_.records.PutMeant(meant);
}

absl::StatusOr<VerificationRecords::Meant> SandboxVerifier::MeantOf(const std::string& session_id) {
  WM_ASSIGN_OR_RETURN(const std::optional<VerificationRecords::Meant> meant,
                      deps_.records.GetMeant(session_id));
  if (meant) return *meant;
  return WithHint(WithReason(FailedPrecondition("it is not known how this sandbox is meant to be"),
                             "VERIFY_NOT_SUPPORTED"),
                  "Start a new one; machines of Apple Container cannot be verified.");
}

SandboxVerifier::Timer SandboxVerifier::EndIn(const std::string& session_id,
                                              std::chrono::milliseconds delay,
                                              const std::string& why) {
  return deps_.loop.After(delay, [this, session_id, why] {
    deps_.executor.Post([this, session_id, why] { deps_.end(session_id, why); });
  });
}

void SandboxVerifier::Started(const std::string& session_id) {
  const auto meant = deps_.records.GetMeant(session_id);
  if (!meant.ok()) LogWarning("verify", MessageOf(meant.status()));
  // What cannot be found out is waited for.
  if (meant.ok() && (!*meant || (*meant)->combination.empty())) return;
  Timer timer = EndIn(session_id, deps_.report_limit, "the sandbox did not let itself be verified");
  MutexLock lock(mu_);
  // Its report may have come in between: its own timer, or none, is the right one then.
  if (!reported_.contains(session_id)) std::swap(timers_[session_id], timer);
}

void SandboxVerifier::Ended(const std::string& session_id) {
  Timer timer;
  {
    MutexLock lock(mu_);
    reported_.erase(session_id);
    if (auto found = timers_.extract(session_id); !found.empty()) timer = std::move(found.mapped());
  }
  // Freed elsewhere: this may be what the timer itself set off.
  if (timer) {
    auto shared = std::make_shared<Timer>(std::move(timer));
    deps_.executor.Post([shared] { shared->reset(); });
  }
  const absl::Status erased = deps_.records.EraseMeant(session_id);
  if (!erased.ok()) LogWarning("verify", MessageOf(erased));
}

absl::StatusOr<std::string> SandboxVerifier::BeginProbe(const std::string& session_id) {
  WM_ASSIGN_OR_RETURN(const VerificationRecords::Meant meant, MeantOf(session_id));
  {
    MutexLock lock(mu_);
    if (meant.combination.empty() || reported_.contains(session_id))
      return FailedPrecondition("nothing waits for a probe");
  }
  Expectation expectation;
  if (!FromText(meant.expectation, expectation)) return DataLoss("the expectation is damaged");
  expectation.set_outside_probe(false);
  return RequestFor(expectation).SerializeAsString();
}

absl::Status SandboxVerifier::FinishProbe(const std::string& session_id,
                                          const std::string& report) {
  WM_ASSIGN_OR_RETURN(const VerificationRecords::Meant meant, MeantOf(session_id));
  Timer timer;
  {
    MutexLock lock(mu_);
    if (!reported_.insert(session_id).second)
      return FailedPrecondition("nothing waits for a probe");
    if (auto found = timers_.extract(session_id); !found.empty()) timer = std::move(found.mapped());
  }
  timer.reset();
  // It passed, and the answer was lost with the daemon that gave it; or it never waited,
  // and this changes nothing.
  if (meant.combination.empty()) return absl::OkStatus();
  Expectation expectation;
  pb::ProbeReport parsed;
  if (!FromText(meant.expectation, expectation)) return DataLoss("the expectation is damaged");
  // At the start the probe is one of the sandbox's own processes.
  expectation.set_outside_probe(false);
  std::vector<Difference> differences;
  // Of a start: its own guest program makes no more than some hundred parts.
  if (report.size() > kMostStartReport || !parsed.ParseFromString(report)) {
    differences.push_back({"report", "one of the probe", "one that is not understood"});
  } else {
    differences = Compare(expectation, parsed);
  }
  if (differences.empty()) {
    LogInfo("verify", Format("{}: as it is meant to be", session_id));
    if (meant.combination != kUnknownCombination)
      WM_RETURN_IF_ERROR(deps_.records.PutVerified(meant.combination));
    return deps_.records.ClearCombination(session_id);
  }
  LogDifferences(session_id, differences);
  const std::string why = Format("this sandbox is not as it is meant to be ({}): {}",
                                 DefencesOf(differences), Line(differences[0]));
  timer = EndIn(session_id, deps_.end_after, why);
  MutexLock lock(mu_);
  std::swap(timers_[session_id], timer);
  return FailedPrecondition("{}", why);
}

absl::StatusOr<Verification> SandboxVerifier::Verify(const SessionRecord& record,
                                                     const Env& caller) {
  WM_ASSIGN_OR_RETURN(const VerificationRecords::Meant meant, MeantOf(record.id));
  Expectation expectation;
  if (!FromText(meant.expectation, expectation)) return DataLoss("the expectation is damaged");
  const auto backend = deps_.backends.find(record.backend);
  if (backend == deps_.backends.end())
    return Internal("backend {} is not part of this daemon", record.backend);
  SandboxSpec spec;
  spec.name = record.sandbox;
  spec.session_id = record.id;
  spec.cwd = "/";  // the worktree's own directory may be gone
  spec.uid = ::geteuid();
  spec.gid = ::getegid();
  if (expectation.socket_filter()) {
    spec.network = expectation.isolated() ? SandboxNetwork::kIsolated : SandboxNetwork::kFirewalled;
  }
  WM_ASSIGN_OR_RETURN(ExecPlan plan, backend->second->PlanProbe(spec, caller));
  Command command{.argv = std::move(plan.argv),
                  .cwd = std::move(plan.cwd),
                  .env = std::move(plan.env),
                  .stdin_data = RequestFor(expectation).SerializeAsString(),
                  .files = std::move(plan.files)};
  RunOptions options;
  options.timeout = kProbeLimit;
  options.max_output = kMostReport;
  const absl::StatusOr<CommandResult> result = deps_.runner.Run(command, options);
  pb::ProbeReport report;
  WM_ASSIGN_OR_RETURN(const std::string missing, WhyMissing(record.sandbox, result));
  Verification verification{record.sandbox, record.backend, {}, {}, expectation.socket_filter()};
  if (!missing.empty() || !report.ParseFromString(result->out)) {
    verification.differences.push_back(
        {"report", "one of the probe", missing.empty() ? "one that is not understood" : missing});
  } else {
    verification.differences = Compare(expectation, report);
  }
  verification.weakened = {expectation.weakened().begin(), expectation.weakened().end()};
  LogDifferences(record.sandbox, verification.differences);
  return verification;
}

}  // namespace workmux::daemon
