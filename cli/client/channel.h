#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>

#include "common/base/unique_fd.h"

namespace workmux::cli {

// What the daemon's interface is numbered; travels with every call, so that the
// daemon can refuse without a round trip of its own.
inline constexpr char kApiMajor[] = "1";

// A channel over one connected socket. It does not reconnect: when the socket
// breaks, every call ends with UNAVAILABLE and the caller decides.
std::shared_ptr<grpc::Channel> MakeChannel(UniqueFd socket);

void AddClientMetadata(grpc::ClientContext& context);

}  // namespace workmux::cli
