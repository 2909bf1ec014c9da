#pragma once

#include <memory>
#include <string>

#include <absl/status/statusor.h>

#include "workmux/guest/v1/guest.grpc.pb.h"

namespace workmux::guest {

// The sandbox's way to the host: the mounted socket where there is one, else the
// TCP bridge named by WM_RPC_HOST and WM_RPC_PORT; WM_RPC_TOKEN authenticates.
class GuestClient {
 public:
  // kFailedPrecondition outside a sandbox or in one without a bridge.
  static absl::StatusOr<GuestClient> FromEnvironment();

  // Each waits at most 5 s, and while the host's daemon restarts tries again for 2 s.
  absl::Status SetStatus(workmux::guest::v1::Status status);
  absl::Status SetTitle(const std::string& title);
  absl::StatusOr<std::string> Heartbeat();  // the host's version
  // Before the command runs: for these a host that is away is waited for 30 s.
  absl::StatusOr<workmux::guest::v1::ProbeRequest> BeginProbe();
  absl::Status FinishProbe(workmux::guest::v1::ProbeReport report);

 private:
  GuestClient(std::unique_ptr<workmux::guest::v1::GuestService::Stub> stub, std::string token)
      : stub_(std::move(stub)), token_(std::move(token)) {}

  std::unique_ptr<workmux::guest::v1::GuestService::Stub> stub_;
  std::string token_;
};

// Settings of gRPC's for this process, before its first use.
void PrepareForCalls();

}  // namespace workmux::guest
