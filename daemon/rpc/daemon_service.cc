#include "daemon/rpc/daemon_service.h"

#include <unistd.h>

#include <chrono>

#include "common/base/clock.h"
#include "common/base/version.h"
#include "daemon/domain/caller_pane.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/unary_call.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::control::v1;

// A client asks for a feature by name, never for a version number.
constexpr const char* kFeatures[] = {"worktrees", "sandbox.container", "sandbox.namespace",
                                     "git.clone", "agents.watch",      "sessions.resume"};

pb::DiagnoseResponse::Verdict ToWire(Doctor::Verdict verdict) {
  switch (verdict) {
    case Doctor::Verdict::kOk:
      return pb::DiagnoseResponse::VERDICT_OK;
    case Doctor::Verdict::kWarning:
      return pb::DiagnoseResponse::VERDICT_WARNING;
    case Doctor::Verdict::kMissing:
      break;
  }
  return pb::DiagnoseResponse::VERDICT_MISSING;
}

}  // namespace

DaemonService::DaemonService(Deps deps) : deps_(std::move(deps)), started_(UnixNow()) {}

grpc::ServerUnaryReactor* DaemonService::GetInfo(grpc::CallbackServerContext*,
                                                 const pb::GetInfoRequest*,
                                                 pb::GetInfoResponse* response) {
  return UnaryCall<pb::GetInfoResponse>::Start(
      deps_.executor, response, [this](std::stop_token) -> absl::StatusOr<pb::GetInfoResponse> {
        pb::GetInfoResponse info;
        info.set_version(kVersion);
        info.set_api_major(kApiMajor);
        for (const char* feature : kFeatures) info.add_features(feature);
        info.set_pid(::getpid());
        info.set_started_unix_seconds(started_);
        info.set_open_sessions(static_cast<std::uint32_t>(deps_.sessions.All().size()));
        info.set_log_file(deps_.log_file);
        return info;
      });
}

grpc::ServerUnaryReactor* DaemonService::Shutdown(grpc::CallbackServerContext*,
                                                  const pb::ShutdownRequest* request,
                                                  pb::ShutdownResponse* response) {
  return UnaryCall<pb::ShutdownResponse>::Start(
      deps_.executor, response,
      [this, stop_sandboxes = request->stop_sandboxes()](
          std::stop_token) -> absl::StatusOr<pb::ShutdownResponse> {
        deps_.shut_down(stop_sandboxes);
        return pb::ShutdownResponse();
      });
}

grpc::ServerUnaryReactor* DaemonService::Diagnose(grpc::CallbackServerContext*,
                                                  const pb::DiagnoseRequest* request,
                                                  pb::DiagnoseResponse* response) {
  return UnaryCall<pb::DiagnoseResponse>::Start(
      deps_.executor, response,
      [this, request](std::stop_token) -> absl::StatusOr<pb::DiagnoseResponse> {
        const Caller caller = FromWire(request->context());
        pb::DiagnoseResponse diagnosis;
        for (const Doctor::Check& check : deps_.doctor.Examine(caller, TmuxSocketOf(caller))) {
          auto* wire = diagnosis.add_checks();
          wire->set_name(check.name);
          wire->set_verdict(ToWire(check.verdict));
          wire->set_found(check.found);
          wire->set_fix(check.fix);
        }
        return diagnosis;
      });
}

grpc::ServerUnaryReactor* DaemonService::GetConfigReference(
    grpc::CallbackServerContext*, const pb::GetConfigReferenceRequest*,
    pb::GetConfigReferenceResponse* response) {
  return UnaryCall<pb::GetConfigReferenceResponse>::Start(
      deps_.executor, response,
      [this](std::stop_token) -> absl::StatusOr<pb::GetConfigReferenceResponse> {
        pb::GetConfigReferenceResponse reference;
        reference.set_yaml(deps_.config_reference());
        return reference;
      });
}

}  // namespace workmux::daemon
