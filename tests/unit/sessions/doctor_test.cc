#include "daemon/domain/doctor.h"

#include <algorithm>
#include <map>

#include "tests/fakes/fake_sandbox.h"
#include "tests/support/status_matchers.h"

namespace workmux::daemon {
namespace {

using Verdict = Doctor::Verdict;

// Answers by "program first-argument"; a program that is not there is missing.
class ScriptedRunner : public CommandRunner {
 public:
  absl::StatusOr<CommandResult> Run(const Command& command, const RunOptions&) override {
    ran.push_back(command);
    const auto found = answers.find(command.argv.front() + " " + command.argv.at(1));
    if (found == answers.end()) return NotFound("{}: no such program", command.argv.front());
    return CommandResult{.exit = {}, .out = found->second, .err = {}};
  }
  absl::StatusOr<ExitStatus> Stream(const Command&, const RunOptions&, OutputFn) override {
    return Unimplemented("nothing is streamed");
  }

  std::map<std::string, std::string> answers;
  std::vector<Command> ran;
};

struct Fixture {
  ScriptedRunner runner;
  test::SandboxLog log;
  test::FakeSandboxBackend container{"container", log};
  std::map<std::string, SandboxBackend*, std::less<>> backends{{"container", &container}};
  Doctor doctor{runner, backends};
  Caller caller{.cwd = "/", .env = {{"PATH", "/usr/bin"}, {"TMUX", "/t,1,0"}}, .cli_path = {}};

  Fixture() {
    runner.answers = {
        {"git --version", "git version 2.39.5\n"}, {"tmux -V", "tmux 3.3a\n"}, {"tmux -S", "on\n"}};
  }
  Doctor::Check Of(const std::string& name) {
    const std::vector<Doctor::Check> checks = doctor.Examine(caller, "/t");
    const auto found = std::find_if(checks.begin(), checks.end(),
                                    [&](const Doctor::Check& check) { return check.name == name; });
    REQUIRE(found != checks.end());
    return *found;
  }
};

TEST_CASE("Doctor: a machine that has everything needs no fix") {
  Fixture f;
  for (const Doctor::Check& check : f.doctor.Examine(f.caller, "/t")) {
    INFO(check.name);
    CHECK(check.verdict == Verdict::kOk);
    CHECK(check.fix.empty());
  }
}

TEST_CASE("Doctor: versions are compared as numbers") {
  Fixture f;
  const auto [version, verdict] =
      GENERATE(table<std::string, Verdict>({{"git version 2.31.0", Verdict::kOk},
                                            {"git version 2.30.2", Verdict::kMissing},
                                            {"git version 2.100.1", Verdict::kOk},
                                            {"git version 10.0", Verdict::kOk},
                                            {"git version 1.99", Verdict::kMissing},
                                            {"no number", Verdict::kMissing}}));
  INFO(version);
  f.runner.answers["git --version"] = version;
  CHECK(f.Of("git").verdict == verdict);
  CHECK(f.Of("git").found == version);
  CHECK(f.Of("git").fix.empty() == (verdict == Verdict::kOk));
}

TEST_CASE("Doctor: a version with a letter behind it is read") {
  Fixture f;
  f.runner.answers["tmux -V"] = "tmux 3.1c";
  CHECK(f.Of("tmux").verdict == Verdict::kMissing);
  f.runner.answers["tmux -V"] = "tmux next-3.4";
  CHECK(f.Of("tmux").verdict == Verdict::kOk);
}

TEST_CASE("Doctor: a missing program is told with the package that brings it") {
  Fixture f;
  f.runner.answers.erase("git --version");
  CHECK(f.Of("git").verdict == Verdict::kMissing);
  CHECK_THAT(f.Of("git").fix, Catch::Contains("apt install git"));
}

TEST_CASE("Doctor: a backend that is not ready is a warning with the backend's own fix") {
  Fixture f;
  f.log.failures["check"] = WithHint(Unavailable("the engine does not answer"), "start docker");
  const Doctor::Check check = f.Of("sandbox backend container");
  CHECK(check.verdict == Verdict::kWarning);
  CHECK(check.found == "the engine does not answer");
  CHECK(check.fix == "start docker");
}

TEST_CASE(
    "Doctor: a version with known ways out is a warning, and a question to the distribution") {
  Fixture f;
  f.runner.answers["docker version"] = "Engine 20.10.24+dfsg1\ncontainerd 1.6.20\nrunc 1.3.3\n";
  f.runner.answers["podman info"] = "crun crun version 1.8.1\ncommit: 0123\nspec: 1.0.0\n";
  f.runner.answers["podman --version"] = "podman version 5.2.4\n";
  f.runner.answers["bwrap --version"] = "bubblewrap 0.8.0\n";
  CHECK(f.Of("docker").verdict == Verdict::kWarning);
  CHECK_THAT(f.Of("docker").fix, Catch::Contains("older than the upstream fix of CVE-2024-23652") &&
                                     Catch::Contains("your distribution has patched it"));
  CHECK(f.Of("crun of podman").verdict == Verdict::kWarning);
  CHECK(f.Of("crun of podman").found == "crun crun version 1.8.1");
  for (const char* name : {"runc of docker", "podman", "bubblewrap"}) {
    INFO(name);
    CHECK(f.Of(name).verdict == Verdict::kOk);
    CHECK(f.Of(name).fix.empty());
  }
}

TEST_CASE("Doctor: an engine's version that cannot be read is unknown, which is not in order") {
  Fixture f;
  const auto [program, question, answer] = GENERATE(table<std::string, std::string, std::string>(
      {{"docker", "docker version", "Engine dev\n"},
       {"docker", "docker version", "Engine 99999999999999999999.1.0\n"},
       {"docker", "docker version", "Engine\n"},
       {"docker", "docker version", "Moby 29.0.0\n"},
       {"docker", "docker version", ""},
       {"runc of docker", "docker version", "Engine 29.0.0\nrunc unknown\n"},
       {"podman", "podman --version", "podman version five\n"},
       {"podman", "podman --version", "6.0.0\n"},
       {"crun of podman", "podman info", "crun crun version UNKNOWN\n"},
       {"bubblewrap", "bwrap --version", "bubblewrap x.y\n"}}));
  INFO(program << ": " << answer);
  f.runner.answers[question] = answer;
  CHECK(f.Of(program).verdict == Verdict::kWarning);
  CHECK_THAT(f.Of(program).fix, Catch::Contains("version was not understood"));
}

TEST_CASE("Doctor: tmux is asked about focus events on the caller's server") {
  Fixture f;
  f.runner.answers["tmux -S"] = "off\n";
  CHECK(f.Of("tmux focus-events").verdict == Verdict::kWarning);
  CHECK(f.runner.ran.back().argv.at(2) == "/t");
  CHECK_FALSE(f.runner.ran.back().env.contains("TMUX"));
  f.runner.answers.erase("tmux -S");
  CHECK(f.Of("tmux focus-events").fix == "start tmux");
}

}  // namespace
}  // namespace workmux::daemon
