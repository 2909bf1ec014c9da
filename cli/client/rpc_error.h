#pragma once

#include <absl/status/status.h>
#include <grpcpp/support/status.h>

namespace workmux::cli {

// The daemon's error with what only the client knows: that an unknown method or
// a refused version means an old daemon, and that a broken connection is one.
absl::Status FromDaemon(const grpc::Status& status);

}  // namespace workmux::cli
