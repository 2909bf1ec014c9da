#include "daemon/rpc/image_service.h"

#include <type_traits>
#include <utility>

#include "daemon/domain/image_recipes.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/stream_progress.h"
#include "daemon/rpc/unary_call.h"

namespace workmux::daemon {
namespace {

namespace pb = ::workmux::control::v1;
using EventStream = StreamCall<pb::ImageEvent>;

// Images are the container backend's, whatever backend is configured.
constexpr char kBackend[] = "container";

}  // namespace

absl::StatusOr<ImageChoice> ImageService::ChooseFor(const Caller& caller, const std::string& agent,
                                                    const std::string& image) {
  const absl::StatusOr<Worktree> here = deps_.git.Locate(caller.cwd);
  // Outside of a repository the user's own configuration is all there is.
  if (!here.ok() && ReasonOf(here.status()) != "NOT_A_GIT_REPOSITORY") return here.status();
  WM_ASSIGN_OR_RETURN(const LoadedConfig loaded,
                      here.ok() ? deps_.config.LoadTrusted(caller, caller.cwd, *here)
                                : deps_.config.Load(caller, caller.cwd, Worktree()));
  WM_ASSIGN_OR_RETURN(ImageChoice choice,
                      deps_.planner.ChooseImage(loaded.config, agent, kBackend));
  if (choice.store == nullptr) return Internal("the container backend has no images");
  if (!image.empty()) choice.image = ResolveImage(image, choice.agent);
  return choice;
}

// What comes into another engine than the one of the sandboxes helps nobody.
absl::StatusOr<ImageChoice> ImageService::Choose(const pb::InvocationContext& context,
                                                 const std::string& agent,
                                                 const std::string& image) {
  const Caller caller = workmux::daemon::FromWire(context);
  WM_ASSIGN_OR_RETURN(ImageChoice choice, ChooseFor(caller, agent, image));
  WM_RETURN_IF_ERROR(choice.backend->CheckEngine(caller.env));
  return choice;
}

// The body does the work on the image that was chosen.
template <class Request, class Body>
ImageService::Stream* ImageService::RunStream(grpc::CallbackServerContext* context,
                                              const Request* message, Body body) {
  const absl::Status version = CheckClientVersion(*context);
  return EventStream::Start(
      deps_.executor, [this, version, request = *message,
                       body = std::move(body)](std::shared_ptr<EventStream> stream) {
        if (!version.ok()) return stream->End(version);
        auto choice = Choose(request.context(), request.agent(), request.image());
        if (!choice.ok()) return stream->End(choice.status());
        if (std::is_same_v<Request, pb::BuildImageRequest>) {
          const absl::Status known = CheckImageAgent(choice->agent);
          if (!known.ok()) return stream->End(known);
        }
        pb::ImageEvent started;
        started.mutable_started()->set_image(choice->image);
        stream->Send(std::move(started));
        StreamProgress<pb::ImageEvent> progress(*stream);
        const absl::Status status = body(request, *choice, progress, stream->stop_token());
        if (!status.ok()) return stream->End(status);
        pb::ImageEvent done;
        done.mutable_done()->set_image(choice->image);
        stream->Send(std::move(done));
        stream->End(absl::OkStatus());
      });
}

ImageService::Stream* ImageService::PullImage(grpc::CallbackServerContext* context,
                                              const pb::PullImageRequest* message) {
  return RunStream(context, message,
                   [this](const pb::PullImageRequest&, const ImageChoice& choice,
                          ProgressSink& progress, const std::stop_token& stop) {
                     return deps_.images.Pull(*choice.store, choice.image, progress, stop);
                   });
}

ImageService::Stream* ImageService::BuildImage(grpc::CallbackServerContext* context,
                                               const pb::BuildImageRequest* message) {
  return RunStream(context, message,
                   [this](const pb::BuildImageRequest& wire, const ImageChoice& choice,
                          ProgressSink& progress, const std::stop_token& stop) {
                     const ImageBuildRequest request{.image = choice.image,
                                                     .agent = choice.agent,
                                                     .from = wire.from(),
                                                     .version = wire.agent_version(),
                                                     .use_cache = !wire.no_cache()};
                     return deps_.images.Build(*choice.store, request, progress, stop);
                   });
}

ImageService::Stream* ImageService::InstallGuest(grpc::CallbackServerContext* context,
                                                 const pb::InstallGuestRequest* message) {
  return RunStream(context, message,
                   [this](const pb::InstallGuestRequest& wire, const ImageChoice& choice,
                          ProgressSink& progress, const std::stop_token& stop) {
                     return deps_.images.InstallGuest(*choice.store, choice.image, wire.program(),
                                                      progress, stop);
                   });
}

grpc::ServerUnaryReactor* ImageService::GetBuildTarget(grpc::CallbackServerContext* context,
                                                       const pb::GetBuildTargetRequest* request,
                                                       pb::GetBuildTargetResponse* response) {
  return UnaryCall<pb::GetBuildTargetResponse>::Start(
      deps_.executor, response,
      [this, context, request](std::stop_token) -> absl::StatusOr<pb::GetBuildTargetResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        WM_ASSIGN_OR_RETURN(const ImageChoice choice, Choose(request->context(), {}, {}));
        pb::GetBuildTargetResponse answer;
        WM_ASSIGN_OR_RETURN(*answer.mutable_machine(), choice.store->Machine());
        return answer;
      });
}

grpc::ServerUnaryReactor* ImageService::GetDockerfile(grpc::CallbackServerContext* context,
                                                      const pb::GetDockerfileRequest* request,
                                                      pb::GetDockerfileResponse* response) {
  return UnaryCall<pb::GetDockerfileResponse>::Start(
      deps_.executor, response,
      [this, context, request](std::stop_token) -> absl::StatusOr<pb::GetDockerfileResponse> {
        WM_RETURN_IF_ERROR(CheckClientVersion(*context));
        WM_ASSIGN_OR_RETURN(
            const ImageChoice choice,
            ChooseFor(workmux::daemon::FromWire(request->context()), request->agent(), {}));
        pb::GetDockerfileResponse answer;
        answer.set_agent(choice.agent);
        WM_ASSIGN_OR_RETURN(*answer.mutable_content(), MergedRecipe(choice.agent));
        return answer;
      });
}

}  // namespace workmux::daemon
