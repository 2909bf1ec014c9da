#include "common/process/command_runner.h"

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux {
namespace {

// Answers every command with one result.
class FixedRunner : public CommandRunner {
 public:
  explicit FixedRunner(CommandResult result) : result_(std::move(result)) {}
  absl::StatusOr<CommandResult> Run(const Command&, const RunOptions&) override { return result_; }
  absl::StatusOr<ExitStatus> Stream(const Command&, const RunOptions&, OutputFn) override {
    return result_.exit;
  }

 private:
  CommandResult result_;
};

absl::StatusOr<std::string> OutputFor(CommandResult result) {
  FixedRunner runner(std::move(result));
  return RunForOutput(
      runner,
      Command{.argv = {"git", "status"}, .cwd = {}, .env = {}, .stdin_data = {}, .files = {}}, {});
}

TEST_CASE("RunForOutput: gives stdout of a child that succeeded", "[process]") {
  CHECK(test::Must(OutputFor({.exit = {}, .out = "clean\n", .err = "noise"})) == "clean\n");
}

TEST_CASE("RunForOutput: a failed child is an error that quotes its stderr", "[process]") {
  const auto failed =
      OutputFor({.exit = {.code = 128, .signal = 0}, .out = "", .err = "fatal: no\n"});
  CHECK_CODE(failed, absl::StatusCode::kInternal);
  CHECK_THAT(MessageOf(failed.status()), Catch::Contains("git") && Catch::Contains("fatal: no"));
}

TEST_CASE("RunForOutput: a killed child is an error even with exit code 0", "[process]") {
  CHECK_CODE(OutputFor({.exit = {.code = 0, .signal = 9}, .out = "half", .err = ""}),
             absl::StatusCode::kInternal);
}

TEST_CASE("ExitStatus: a shell reports a signal as 128 plus its number", "[process]") {
  CHECK(ExitStatus{.code = 0, .signal = 15}.ShellCode() == 143);
  CHECK(ExitStatus{.code = 3, .signal = 0}.ShellCode() == 3);
}

}  // namespace
}  // namespace workmux
