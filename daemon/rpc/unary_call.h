#pragma once

#include <grpcpp/support/server_callback.h>

#include <absl/functional/any_invocable.h>
#include <absl/status/statusor.h>

#include <exception>
#include <stop_token>
#include <utility>

#include "common/base/status.h"
#include "common/rpc/grpc_status.h"
#include "daemon/async/executor.h"

namespace workmux::daemon {

// One unary call: runs `body` on the executor, turns a client's cancel into a
// stop request, and an escaped exception into INTERNAL. gRPC's own threads only
// post; they must never block.
template <class Response>
class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  using Body = absl::AnyInvocable<absl::StatusOr<Response>(std::stop_token)>;
  using ToWire = grpc::Status (*)(const absl::Status&);

  static grpc::ServerUnaryReactor* Start(Executor& executor, Response* response, Body body,
                                         ToWire to_wire = &ToGrpc) {
    auto* call = new UnaryCall(response, to_wire);  // deletes itself in OnDone
    executor.Post([call, body = std::move(body)]() mutable { call->Run(std::move(body)); });
    return call;
  }

 private:
  UnaryCall(Response* response, ToWire to_wire) : response_(response), to_wire_(to_wire) {}

  void Run(Body body) {
    absl::Status status;
    try {
      absl::StatusOr<Response> result = body(stop_.get_token());
      if (result.ok()) {
        *response_ = std::move(result).value();
      } else {
        status = result.status();
      }
    } catch (const std::exception& error) {
      status = Internal("{}", error.what());
    }
    // What the body captured must be gone before the client hears of the end.
    body = nullptr;
    Finish(to_wire_(status));
  }

  void OnCancel() override { stop_.request_stop(); }
  void OnDone() override { delete this; }

  Response* const response_;
  const ToWire to_wire_;
  std::stop_source stop_;
};

}  // namespace workmux::daemon
