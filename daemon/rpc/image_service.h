#pragma once

#include "daemon/async/executor.h"
#include "daemon/domain/config_gate.h"
#include "daemon/domain/image_manager.h"
#include "daemon/domain/session_planner.h"
#include "workmux/control/v1/image.grpc.pb.h"

namespace workmux::daemon {

class ImageService : public workmux::control::v1::ImageService::CallbackService {
 public:
  struct Deps {
    Executor& executor;
    ImageManager& images;
    SessionPlanner& planner;
    Git& git;
    ConfigGate& config;
  };
  explicit ImageService(const Deps& deps) : deps_(deps) {}

  using Stream = grpc::ServerWriteReactor<workmux::control::v1::ImageEvent>;

  Stream* PullImage(grpc::CallbackServerContext* context,
                    const workmux::control::v1::PullImageRequest* request) override;
  Stream* BuildImage(grpc::CallbackServerContext* context,
                     const workmux::control::v1::BuildImageRequest* request) override;
  Stream* InstallGuest(grpc::CallbackServerContext* context,
                       const workmux::control::v1::InstallGuestRequest* request) override;
  grpc::ServerUnaryReactor* GetBuildTarget(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::GetBuildTargetRequest* request,
      workmux::control::v1::GetBuildTargetResponse* response) override;
  grpc::ServerUnaryReactor* GetDockerfile(
      grpc::CallbackServerContext* context,
      const workmux::control::v1::GetDockerfileRequest* request,
      workmux::control::v1::GetDockerfileResponse* response) override;

  // The image of the agent where the caller stands; inside of a repository with
  // the project's configuration. Its store is never null.
  absl::StatusOr<ImageChoice> ChooseFor(const Caller& caller, const std::string& agent,
                                        const std::string& image);

 private:
  // The same, of the engine that the caller uses too. ENGINE_DIFFERS.
  absl::StatusOr<ImageChoice> Choose(const workmux::control::v1::InvocationContext& context,
                                     const std::string& agent, const std::string& image);
  template <class Request, class Body>
  Stream* RunStream(grpc::CallbackServerContext* context, const Request* request, Body body);

  const Deps deps_;
};

}  // namespace workmux::daemon
