#pragma once

// Between the wire's messages and the daemon's nouns; nothing else.

#include <absl/status/statusor.h>
#include <grpcpp/server_context.h>

#include "daemon/domain/types.h"
#include "workmux/control/v1/agent.pb.h"
#include "workmux/control/v1/common.pb.h"

namespace workmux::daemon {

Caller FromWire(const workmux::control::v1::InvocationContext& context);
ExitStatus FromWire(const workmux::control::v1::ExitStatus& status);
workmux::control::v1::ExecPlan ToWire(const ExecPlan& plan);
workmux::control::v1::AgentStatus ToWire(AgentStatus status);
absl::StatusOr<AgentStatus> FromWire(workmux::control::v1::AgentStatus status);

// FAILED_PRECONDITION (DAEMON_VERSION) when the client says that it speaks
// another major version of the protocol; one that says nothing is let in.
inline constexpr unsigned kApiMajor = 1;
absl::Status CheckClientVersion(const grpc::CallbackServerContext& context);

}  // namespace workmux::daemon
