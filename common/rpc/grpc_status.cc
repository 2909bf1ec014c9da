#include "common/rpc/grpc_status.h"

#include <string>

#include "common/base/status.h"

namespace workmux {

grpc::Status ToGuestGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.raw_code()), MessageOf(status)};
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  std::string details = ReasonOf(status);
  details += '\0';
  details += HintOf(status);
  return {static_cast<grpc::StatusCode>(status.raw_code()), MessageOf(status), details};
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result =
      MakeStatus(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  const std::string details = status.error_details();
  const auto separator = details.find('\0');
  if (separator == std::string::npos) return result;
  if (separator > 0) result = WithReason(std::move(result), details.substr(0, separator));
  if (separator + 1 < details.size())
    result = WithHint(std::move(result), details.substr(separator + 1));
  return result;
}

}  // namespace workmux
