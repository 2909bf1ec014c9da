#include "daemon/verify/sandbox_verifier.h"

#include <cerrno>
#include <functional>
#include <map>
#include <utility>

#include "daemon/async/thread_pool.h"
#include "daemon/verify/expectation.h"
#include "tests/fakes/session_world.h"
#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"
#include "tests/support/wait_until.h"

namespace workmux::test {
namespace {

using daemon::SandboxMakeup;
using daemon::SandboxProvenance;
using daemon::SandboxSpec;
using daemon::SandboxVerifier;
using guest::v1::ProbeReport;

class FakeVerificationRecords : public daemon::VerificationRecords {
 public:
  absl::Status PutMeant(const Meant& one) override {
    meant[one.session_id] = one;
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<Meant>> GetMeant(std::string_view id) override {
    WM_RETURN_IF_ERROR(failure);
    const auto found = meant.find(std::string(id));
    const std::optional<Meant> got =
        found == meant.end() ? std::nullopt : std::optional(found->second);
    if (got_one) std::exchange(got_one, nullptr)();
    return got;
  }
  absl::Status ClearCombination(std::string_view id) override {
    if (const auto found = meant.find(std::string(id)); found != meant.end())
      found->second.combination.clear();
    return absl::OkStatus();
  }
  absl::Status EraseMeant(std::string_view id) override {
    meant.erase(std::string(id));
    return absl::OkStatus();
  }
  absl::StatusOr<bool> IsVerified(std::string_view combination) override {
    return verified.contains(std::string(combination));
  }
  absl::Status PutVerified(std::string_view combination) override {
    verified.insert(std::string(combination));
    return absl::OkStatus();
  }
  std::map<std::string, Meant> meant;
  std::set<std::string> verified;
  absl::Status failure;           // of the next reads
  std::function<void()> got_one;  // called once, after the next read
};

class VerifiableBackend : public FakeSandboxBackend {
 public:
  using FakeSandboxBackend::FakeSandboxBackend;
  absl::StatusOr<SandboxMakeup> Describe(const SandboxSpec&, const Env&) override {
    SandboxMakeup makeup;
    makeup.mounts = {{.target = "/", .below = true, .filesystem = {}}};
    return makeup;
  }
  absl::StatusOr<SandboxProvenance> Provenance(const std::string& image) override {
    if (!engine.ok()) return engine.status();
    return SandboxProvenance{*engine + image, {}};
  }
  absl::StatusOr<std::string> engine = std::string("engine 1 ");
};

class FakeRunner : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const Command& command, const RunOptions&) override {
    input = command.stdin_data;
    return result;
  }
  absl::StatusOr<ExitStatus> Stream(const Command&, const RunOptions&, OutputFn) override {
    return Unimplemented("not needed");
  }
  absl::StatusOr<CommandResult> result = CommandResult{};
  std::string input;
};

struct World : SessionWorld {
  explicit World(std::chrono::milliseconds limit = std::chrono::seconds(60),
                 std::chrono::milliseconds end_after = std::chrono::milliseconds(1))
      : verifier({.records = records,
                  .backends = verifiable,
                  .runner = runner,
                  .loop = loop,
                  .executor = pool,
                  .end =
                      [this](const std::string& id, const std::string& why) {
                        MutexLock lock(mu);
                        ended[id] = why;
                      },
                  .report_limit = limit,
                  .end_after = end_after}) {}

  // A session that is being opened; whether its command has to wait for a probe.
  bool Begin(const std::string& id, bool has_bridge = true) {
    daemon::SessionPlan plan = Must(planner.Plan(Request()));
    plan.session_id = id;
    plan.backend = &backend;
    plan.bridge = has_bridge;
    SandboxSpec spec;
    spec.name = "wm-" + id;
    spec.uid = 1000;
    spec.gid = 1000;
    const auto question = verifier.Ask(plan);
    CHECK_OK(verifier.Expect(*question, plan, Must(daemon::MountSources::Record({})), {}, spec));
    return spec.env.contains("WM_PROBE");
  }

  // What an intact sandbox answers to what is asked.
  std::string Answer(const std::string& asked, std::uint64_t capabilities = 0) {
    guest::v1::ProbeRequest request;
    REQUIRE(request.ParseFromString(asked));
    ProbeReport report;
    auto& process = *report.add_processes();
    process.set_no_new_privileges(true);
    process.set_seccomp(2);
    process.set_bounding(capabilities);
    for (int i = 0; i < 4; ++i) {
      process.add_users(1000);
      process.add_groups(1000);
    }
    report.add_mounts()->set_target("/proc");
    const auto add = [&](ProbeReport::AttemptKind kind, const auto& paths) {
      for (const std::string& path : paths) {
        auto& attempt = *report.add_attempts();
        attempt.set_kind(kind);
        attempt.set_path(path);
        attempt.set_error(ENOENT);
      }
    };
    add(ProbeReport::ATTEMPT_KIND_WRITE, request.written());
    add(ProbeReport::ATTEMPT_KIND_CONNECT, request.sockets());
    return report.SerializeAsString();
  }
  bool HasEnded(const std::string& id) {
    MutexLock lock(mu);
    return ended.contains(id);
  }

  FakeVerificationRecords records;
  FakeRunner runner;
  VerifiableBackend backend{"docker", log};
  daemon::SandboxBackends verifiable{{"docker", &backend}};
  Mutex mu;
  std::map<std::string, std::string> ended WM_GUARDED_BY(mu);
  daemon::ThreadPool pool{"verify", 1, 2};
  SandboxVerifier verifier;
};

}  // namespace

TEST_CASE("Verifier: a combination is probed once, then recorded", "[verify]") {
  World w;
  REQUIRE(w.Begin("a"));
  w.verifier.Started("a");
  const std::string asked = Must(w.verifier.BeginProbe("a"));
  CHECK_OK(w.verifier.FinishProbe("a", w.Answer(asked)));
  CHECK(w.records.verified.size() == 1);
  CHECK_FALSE(w.Begin("b"));
  // Another engine, image or policy is another combination.
  w.backend.engine = "engine 2 ";
  CHECK(w.Begin("c"));
  w.backend.engine = "engine 1 ";
  CHECK_FALSE(w.Begin("d"));
}

TEST_CASE("Verifier: a difference ends the session, names itself and records nothing", "[verify]") {
  World w;
  REQUIRE(w.Begin("a"));
  w.verifier.Started("a");
  const std::string asked = Must(w.verifier.BeginProbe("a"));
  const absl::Status verdict = w.verifier.FinishProbe("a", w.Answer(asked, 1u << 13));
  CHECK_CODE(verdict, absl::StatusCode::kFailedPrecondition);
  CHECK_THAT(MessageOf(verdict), Catch::Contains("capabilities") && Catch::Contains("cap_net_raw"));
  CHECK(WaitUntil([&] { return w.HasEnded("a"); }));
  CHECK(w.records.verified.empty());
  CHECK(w.Begin("b"));
}

TEST_CASE("Verifier: a second report, and one that nobody waits for, is refused", "[verify]") {
  World w;
  REQUIRE(w.Begin("a"));
  const std::string asked = Must(w.verifier.BeginProbe("a"));
  REQUIRE(w.Begin("b"));
  CHECK_OK(w.verifier.FinishProbe("a", w.Answer(asked)));
  CHECK_CODE(w.verifier.FinishProbe("a", w.Answer(asked)), absl::StatusCode::kFailedPrecondition);
  CHECK_CODE(w.verifier.BeginProbe("a").status(), absl::StatusCode::kFailedPrecondition);
  // One that began before the combination had passed goes its way.
  CHECK_OK(w.verifier.FinishProbe("b", w.Answer(Must(w.verifier.BeginProbe("b")))));
  CHECK_CODE(w.verifier.FinishProbe("unknown", w.Answer(asked)),
             absl::StatusCode::kFailedPrecondition);
  w.verifier.Ended("a");
  CHECK_CODE(w.verifier.FinishProbe("a", w.Answer(asked)), absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("Verifier: an answer that was lost with the daemon is given again", "[verify]") {
  World w;
  REQUIRE(w.Begin("a"));
  const std::string answer = w.Answer(Must(w.verifier.BeginProbe("a")));
  CHECK_OK(w.verifier.FinishProbe("a", answer));
  SandboxVerifier next({.records = w.records,
                        .backends = w.verifiable,
                        .runner = w.runner,
                        .loop = w.loop,
                        .executor = w.pool,
                        .end = [](const std::string&, const std::string&) {}});
  next.Started("a");
  CHECK_OK(next.FinishProbe("a", answer));
  CHECK_CODE(next.BeginProbe("a").status(), absl::StatusCode::kFailedPrecondition);
  CHECK_CODE(next.FinishProbe("a", answer), absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("Verifier: what is no report is a difference", "[verify]") {
  World w;
  for (const std::string& text : {std::string("\xff\xff\xff"), std::string()}) {
    const std::string id = text.empty() ? "empty" : "garbled";
    REQUIRE(w.Begin(id));
    CHECK_CODE(w.verifier.FinishProbe(id, text), absl::StatusCode::kFailedPrecondition);
    CHECK(WaitUntil([&] { return w.HasEnded(id); }));
  }
}

TEST_CASE("Verifier: a sandbox that does not let itself be probed is ended", "[verify]") {
  World w(std::chrono::milliseconds(20));
  REQUIRE(w.Begin("a"));
  w.verifier.Started("a");
  CHECK(WaitUntil([&] { return w.HasEnded("a"); }));
}

TEST_CASE("Verifier: a report that comes while its limit is being set counts", "[verify]") {
  World w(std::chrono::milliseconds(20));
  REQUIRE(w.Begin("a"));
  const std::string report = w.Answer(Must(w.verifier.BeginProbe("a")));
  w.records.got_one = [&] { CHECK_OK(w.verifier.FinishProbe("a", report)); };
  w.verifier.Started("a");
  CHECK(w.records.verified.size() == 1);
  // The limit of one that started later is over.
  w.backend.engine = "engine 2 ";
  REQUIRE(w.Begin("b"));
  w.verifier.Started("b");
  CHECK(WaitUntil([&] { return w.HasEnded("b"); }));
  CHECK_FALSE(w.HasEnded("a"));
}

TEST_CASE("Verifier: a difference that is known before the start is told ends the sandbox",
          "[verify]") {
  World w(std::chrono::seconds(60), std::chrono::milliseconds(100));
  REQUIRE(w.Begin("a"));
  const std::string report = w.Answer(Must(w.verifier.BeginProbe("a")), 1u << 13);
  CHECK_FALSE(w.verifier.FinishProbe("a", report).ok());
  w.verifier.Started("a");
  CHECK(WaitUntil([&] { return w.HasEnded("a"); }));
}

TEST_CASE("Verifier: a start whose record cannot be read is waited for", "[verify]") {
  World w(std::chrono::milliseconds(20));
  REQUIRE(w.Begin("a"));
  w.records.failure = absl::UnavailableError("disk");
  w.verifier.Started("a");
  CHECK(WaitUntil([&] { return w.HasEnded("a"); }));
}

TEST_CASE("Verifier: what the engine does not tell has not passed", "[verify]") {
  World w;
  w.backend.engine = absl::UnavailableError("no engine");
  REQUIRE(w.Begin("a"));
  CHECK_OK(w.verifier.FinishProbe("a", w.Answer(Must(w.verifier.BeginProbe("a")))));
  CHECK(w.records.verified.empty());
  CHECK(w.Begin("b"));
}

TEST_CASE("Verifier: a sandbox without a bridge is not probed by itself", "[verify]") {
  World w;
  CHECK_FALSE(w.Begin("a", /*has_bridge=*/false));
  CHECK_CODE(w.verifier.BeginProbe("a").status(), absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("Verifier: asked for, a running sandbox is compared with what is on record", "[verify]") {
  World w;
  w.Begin("a", /*has_bridge=*/false);
  daemon::SessionRecord record;
  record.id = "a";
  record.sandbox = "wm-a";
  record.backend = "docker";
  // The first answer is nothing: the report differs.
  w.runner.result = CommandResult{};
  CHECK_FALSE(Must(w.verifier.Verify(record, {})).differences.empty());
  w.runner.result->out = w.Answer(w.runner.input);
  CHECK(Must(w.verifier.Verify(record, {})).differences.empty());
  w.runner.result->out = "\xff\xff";
  CHECK(Must(w.verifier.Verify(record, {})).differences.at(0).defence == "report");
  w.runner.result = absl::DeadlineExceededError("too slow");
  CHECK(Must(w.verifier.Verify(record, {})).differences.at(0).found == "none in time");
  w.runner.result =
      CommandResult{.exit = {.code = 1, .signal = 0}, .out = {}, .err = "no container"};
  CHECK_CODE(w.verifier.Verify(record, {}).status(), absl::StatusCode::kUnavailable);
  record.id = "unknown";
  CHECK_CODE(w.verifier.Verify(record, {}).status(), absl::StatusCode::kFailedPrecondition);
}

TEST_CASE("Verifier: a probe that was killed saw nothing, whatever it wrote", "[verify]") {
  World w;
  w.Begin("a", /*has_bridge=*/false);
  daemon::SessionRecord record;
  record.id = "a";
  record.sandbox = "wm-a";
  record.backend = "docker";
  w.runner.result = CommandResult{};
  Must(w.verifier.Verify(record, {}));
  const std::string intact = w.Answer(w.runner.input);
  // Of a client that the signal hit, and of one that tells what hit the probe.
  for (const ExitStatus exit :
       {ExitStatus{.code = 0, .signal = 9}, ExitStatus{.code = 137}, ExitStatus{.code = 143},
        ExitStatus{.code = 139}, ExitStatus{.code = 129}, ExitStatus{.code = 0, .signal = 31}}) {
    INFO(exit.code << " " << exit.signal);
    w.runner.result = CommandResult{.exit = exit, .out = intact, .err = "Killed"};
    const auto found = Must(w.verifier.Verify(record, {})).differences;
    REQUIRE(found.size() == 1);
    CHECK(found[0].defence == "report");
    CHECK(found[0].found == "none: the probe was killed");
  }
}

}  // namespace workmux::test
