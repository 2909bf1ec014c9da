#include "common/base/status.h"

#include <absl/strings/cord.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace workmux {
namespace {

constexpr char kReasonUrl[] = "workmux/reason";
constexpr char kHintUrl[] = "workmux/hint";

std::string PayloadOf(const absl::Status& status, const char* url) {
  auto payload = status.GetPayload(url);
  return payload ? std::string(*payload) : std::string();
}

absl::StatusCode CodeOfErrno(int error_number) {
  switch (error_number) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EACCES:
    case EPERM:
      return absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

// Callers hand over a text that they have just made; absl copies it all the same.
// NOLINTNEXTLINE(performance-unnecessary-value-param)
absl::Status MakeStatus(absl::StatusCode code, std::string message) {
  return absl::Status(code, message);
}

absl::Status ErrnoStatus(int error_number, std::string_view what) {
  return MakeStatus(CodeOfErrno(error_number),
                    Format("{}: {}", what, std::generic_category().message(error_number)));
}

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  absl::Status annotated = MakeStatus(status.code(), Format("{}: {}", context, MessageOf(status)));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& payload) {
    annotated.SetPayload(url, payload);
  });
  return annotated;
}

absl::Status WithReason(absl::Status status, std::string_view reason) {
  if (!status.ok()) status.SetPayload(kReasonUrl, absl::Cord(std::string(reason)));
  return status;
}

absl::Status WithHint(absl::Status status, std::string_view hint) {
  if (!status.ok()) status.SetPayload(kHintUrl, absl::Cord(std::string(hint)));
  return status;
}

std::string ReasonOf(const absl::Status& status) { return PayloadOf(status, kReasonUrl); }
std::string HintOf(const absl::Status& status) { return PayloadOf(status, kHintUrl); }
std::string MessageOf(const absl::Status& status) { return std::string(status.message()); }

}  // namespace workmux
