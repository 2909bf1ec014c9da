#pragma once

// Errors inside every program of ours are absl::Status. On top of the canonical
// code and the message for people a status may carry a `reason` (UPPER_SNAKE,
// stable, for programs) and a `hint` (one imperative sentence naming the fix).

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <utility>

#include "common/base/format.h"

namespace workmux {

absl::Status MakeStatus(absl::StatusCode code, std::string message);

#define WM_STATUS_FACTORY(Name, kCode)                                         \
  template <typename... Args>                                                  \
  absl::Status Name(fmt::format_string<Args...> format, Args&&... args) {      \
    return MakeStatus(kCode, VFormat(format, fmt::make_format_args(args...))); \
  }
WM_STATUS_FACTORY(InvalidArgument, absl::StatusCode::kInvalidArgument)
WM_STATUS_FACTORY(NotFound, absl::StatusCode::kNotFound)
WM_STATUS_FACTORY(AlreadyExists, absl::StatusCode::kAlreadyExists)
WM_STATUS_FACTORY(FailedPrecondition, absl::StatusCode::kFailedPrecondition)
WM_STATUS_FACTORY(PermissionDenied, absl::StatusCode::kPermissionDenied)
WM_STATUS_FACTORY(Unauthenticated, absl::StatusCode::kUnauthenticated)
WM_STATUS_FACTORY(ResourceExhausted, absl::StatusCode::kResourceExhausted)
WM_STATUS_FACTORY(Aborted, absl::StatusCode::kAborted)
WM_STATUS_FACTORY(Unavailable, absl::StatusCode::kUnavailable)
WM_STATUS_FACTORY(Cancelled, absl::StatusCode::kCancelled)
WM_STATUS_FACTORY(DeadlineExceeded, absl::StatusCode::kDeadlineExceeded)
WM_STATUS_FACTORY(Unimplemented, absl::StatusCode::kUnimplemented)
WM_STATUS_FACTORY(DataLoss, absl::StatusCode::kDataLoss)
WM_STATUS_FACTORY(Internal, absl::StatusCode::kInternal)
#undef WM_STATUS_FACTORY

// `what` describes the failed call; the text of `error_number` (an errno value)
// is appended. ENOENT, EEXIST, EACCES and EPERM get their canonical codes, all
// else is kInternal.
absl::Status ErrnoStatus(int error_number, std::string_view what);

// "context: message" with code, reason and hint kept. Add context once, at the
// layer that knows it. An OK status stays OK.
absl::Status Annotate(const absl::Status& status, std::string_view context);

absl::Status WithReason(absl::Status status, std::string_view reason);
absl::Status WithHint(absl::Status status, std::string_view hint);

// Empty when the status carries none.
std::string ReasonOf(const absl::Status& status);
std::string HintOf(const absl::Status& status);

// The message as std::string (absl::string_view does not convert to std::string_view).
std::string MessageOf(const absl::Status& status);

}  // namespace workmux

#define WM_CONCAT_INNER(a, b) a##b
#define WM_CONCAT(a, b) WM_CONCAT_INNER(a, b)

#define WM_RETURN_IF_ERROR(expr)                                               \
  do {                                                                         \
    if (absl::Status wm_status_ = (expr); !wm_status_.ok()) return wm_status_; \
  } while (false)

// NOLINTBEGIN(bugprone-macro-parentheses): `lhs` may declare a variable.
#define WM_ASSIGN_OR_RETURN(lhs, expr) \
  WM_ASSIGN_OR_RETURN_INNER(WM_CONCAT(wm_or_, __LINE__), lhs, expr)
#define WM_ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                              \
  if (!tmp.ok()) return tmp.status();             \
  lhs = std::move(tmp).value()
// NOLINTEND(bugprone-macro-parentheses)
