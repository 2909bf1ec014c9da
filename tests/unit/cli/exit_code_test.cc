#include "cli/exit_code.h"

#include "common/base/status.h"
#include "tests/support/catch.h"

namespace workmux::cli {
namespace {

TEST_CASE("ExitCodeFor: ordinary commands tell usage, failure and interruption apart", "[cli]") {
  CHECK(ExitCodeFor(absl::OkStatus(), CommandKind::kOrdinary) == 0);
  CHECK(ExitCodeFor(InvalidArgument("x"), CommandKind::kOrdinary) == 2);
  CHECK(ExitCodeFor(Cancelled("x"), CommandKind::kOrdinary) == 130);
  CHECK(ExitCodeFor(NotFound("x"), CommandKind::kOrdinary) == 1);
  CHECK(ExitCodeFor(Unavailable("x"), CommandKind::kOrdinary) == 1);
}

TEST_CASE("ExitCodeFor: what runs a program fails with docker run's codes", "[cli]") {
  const auto code = [](const absl::Status& s) { return ExitCodeFor(s, CommandKind::kRunsProgram); };
  CHECK(code(InvalidArgument("x")) == 125);
  CHECK(code(Unavailable("x")) == 125);
  CHECK(code(WithReason(NotFound("x"), "PROGRAM_NOT_FOUND")) == 127);
  CHECK(code(NotFound("no such worktree")) == 125);
  CHECK(code(WithReason(PermissionDenied("x"), "PROGRAM_NOT_EXECUTABLE")) == 126);
  CHECK(code(Cancelled("x")) == 130);
}

}  // namespace
}  // namespace workmux::cli
