#pragma once

#include <functional>
#include <string>

#include "daemon/async/executor.h"
#include "daemon/domain/doctor.h"
#include "daemon/domain/session_directory.h"
#include "workmux/control/v1/daemon.grpc.pb.h"

namespace workmux::daemon {

class DaemonService : public workmux::control::v1::DaemonService::CallbackService {
 public:
  struct Deps {
    Executor& executor;
    SessionDirectory& sessions;
    Doctor& doctor;
    std::string log_file;
    std::function<std::string()> config_reference;
    // Asks the daemon to stop; returns at once.
    std::function<void(bool stop_sandboxes)> shut_down;
  };
  explicit DaemonService(Deps deps);

  grpc::ServerUnaryReactor* GetInfo(grpc::CallbackServerContext* context,
                                    const workmux::control::v1::GetInfoRequest* request,
                                    workmux::control::v1::GetInfoResponse* response) override;
  grpc::ServerUnaryReactor* Shutdown(grpc::CallbackServerContext* context,
                                     const workmux::control::v1::ShutdownRequest* request,
                                     workmux::control::v1::ShutdownResponse* response) override;
  grpc::ServerUnaryReactor* Diagnose(grpc::CallbackServerContext* context,
                                     const workmux::control::v1::DiagnoseRequest* request,
                                     workmux::control::v1::DiagnoseResponse* response) override;
  grpc::ServerUnaryReactor* GetConfigReference(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::GetConfigReferenceRequest* request,
      workmux::control::v1::GetConfigReferenceResponse* response) override;

 private:
  const Deps deps_;
  const std::int64_t started_;
};

}  // namespace workmux::daemon
