#pragma once

#include <absl/status/status.h>
#include <grpcpp/support/status.h>

namespace workmux {

// The canonical codes are equal by number. Reason and hint travel in the
// status's details as a serialised google.rpc-like pair: "reason\0hint".
grpc::Status ToGrpc(const absl::Status& status);
absl::Status FromGrpc(const grpc::Status& status);

// For guests: code and message only.
grpc::Status ToGuestGrpc(const absl::Status& status);

}  // namespace workmux
