#include "common/base/status.h"

#include <cerrno>

#include "tests/support/catch.h"
#include "tests/support/status_matchers.h"

namespace workmux {
namespace {

TEST_CASE("Status: reason and hint travel beside the message", "[status]") {
  const absl::Status status =
      WithHint(WithReason(NotFound("no pane {}", "%7"), "PANE_NOT_FOUND"), "list the panes");
  CHECK_CODE(status, absl::StatusCode::kNotFound);
  CHECK(MessageOf(status) == "no pane %7");
  CHECK(ReasonOf(status) == "PANE_NOT_FOUND");
  CHECK(HintOf(status) == "list the panes");
}

TEST_CASE("Status: a status without payloads has an empty reason and hint", "[status]") {
  CHECK(ReasonOf(Internal("broken")).empty());
  CHECK(HintOf(Internal("broken")).empty());
}

TEST_CASE("Annotate: adds context and keeps code, reason and hint", "[status]") {
  const absl::Status inner =
      WithHint(WithReason(Unavailable("no answer"), "ENGINE_DOWN"), "start it");
  const absl::Status outer = Annotate(inner, "pulling image 'x'");
  CHECK(MessageOf(outer) == "pulling image 'x': no answer");
  CHECK_CODE(outer, absl::StatusCode::kUnavailable);
  CHECK(ReasonOf(outer) == "ENGINE_DOWN");
  CHECK(HintOf(outer) == "start it");
}

TEST_CASE("Status: an OK status stays OK whatever is attached", "[status]") {
  CHECK_OK(Annotate(absl::OkStatus(), "context"));
  CHECK_OK(WithReason(absl::OkStatus(), "REASON"));
  CHECK_OK(WithHint(absl::OkStatus(), "hint"));
}

TEST_CASE("ErrnoStatus: has the canonical code and the system's text", "[status]") {
  struct Row {
    int error_number;
    absl::StatusCode code;
  };
  for (const Row& row :
       {Row{ENOENT, absl::StatusCode::kNotFound}, Row{EEXIST, absl::StatusCode::kAlreadyExists},
        Row{EACCES, absl::StatusCode::kPermissionDenied},
        Row{EPERM, absl::StatusCode::kPermissionDenied}, Row{EIO, absl::StatusCode::kInternal}}) {
    CHECK_CODE(ErrnoStatus(row.error_number, "open x"), row.code);
  }
  CHECK(MessageOf(ErrnoStatus(ENOENT, "open x")) == "open x: No such file or directory");
}

absl::StatusOr<int> Half(int value) {
  if (value % 2 != 0) return InvalidArgument("{} is odd", value);
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  WM_ASSIGN_OR_RETURN(const int half, Half(value));
  WM_ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

TEST_CASE("WM_ASSIGN_OR_RETURN: gives the value, or leaves with the first error", "[status]") {
  CHECK(test::Must(Quarter(12)) == 3);
  CHECK(MessageOf(Quarter(7).status()) == "7 is odd");
  CHECK(MessageOf(Quarter(6).status()) == "3 is odd");
}

}  // namespace
}  // namespace workmux
