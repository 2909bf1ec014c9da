#include "daemon/domain/image_manager.h"

#include <utility>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/log/log.h"
#include "daemon/domain/image_recipes.h"

namespace workmux::daemon {
namespace {

constexpr std::int64_t kCheckEvery = 24 * 60 * 60;  // seconds
constexpr char kBaseTag[] = "localhost/workmux-sandbox-base";

void LogFailure(const std::string& image, const absl::Status& status) {
  if (!status.ok()) LogInfo("images", Format("{}: {}", Printable(image), MessageOf(status)));
}

// A name that a build can give.
absl::Status CheckTag(const std::string& image) {
  WM_RETURN_IF_ERROR(CheckImageName(image));
  if (!IsPinned(image)) return absl::OkStatus();
  return WithHint(
      WithReason(FailedPrecondition("'{}' names content that exists already", Printable(image)),
                 "IMAGE_PINNED"),
      "Set sandbox.image to a name without a digest, or give one with --image.");
}

}  // namespace

bool ImageManager::IsWatched(std::string_view image) const {
  return RepositoryOf(image) == deps_.official_repository && !IsPinned(image);
}

absl::Status ImageManager::Pull(ImageStore& store, const std::string& image, ProgressSink& progress,
                                const std::stop_token& stop) {
  WM_RETURN_IF_ERROR(CheckImageName(image));
  const std::string key = Format("{} {}", store.engine(), image);
  const auto pull = [&store, image](ProgressSink& sink, const std::stop_token& stopped) {
    return store.Pull(image, sink, stopped);
  };
  WM_RETURN_IF_ERROR(pulls_.Run(key, pull, progress, stop));
  LogInfo("images", Format("{}: pulled with {}", Printable(image), store.engine()));
  if (!IsWatched(image)) return absl::OkStatus();
  const absl::StatusOr<std::string> id = store.IdOf(image);
  LogFailure(image, id.ok() ? deps_.records.PutImage({.engine = std::string(store.engine()),
                                                      .image = image,
                                                      .image_id = *id,
                                                      .checked = deps_.now(),
                                                      .stale = false})
                            : id.status());
  return absl::OkStatus();
}

absl::Status ImageManager::Provide(ImageStore& store, const std::string& image,
                                   const absl::Status& missing, ProgressSink& progress,
                                   const std::stop_token& stop) {
  WM_RETURN_IF_ERROR(CheckImageName(image));
  if (RepositoryOf(image) == deps_.official_repository) return Pull(store, image, progress, stop);
  const std::string elsewhere = store.EngineThatHas(image);
  if (elsewhere.empty()) return missing;
  return WithHint(missing,
                  Format("{} has it: set sandbox.container.runtime: {}, or copy it with "
                         "`{} save '{}' | {} load`.",
                         elsewhere, elsewhere, elsewhere, Printable(image), store.engine()));
}

absl::Status ImageManager::Use(ImageStore* store, const std::string& image,
                               absl::FunctionRef<absl::Status()> start, ProgressSink& progress,
                               const std::stop_token& stop) {
  absl::Status started = start();
  if (store == nullptr) return started;
  if (ReasonOf(started) == "IMAGE_NOT_FOUND") {
    WM_RETURN_IF_ERROR(Provide(*store, image, started, progress, stop));
    started = start();
  }
  if (started.ok()) NoteStart(*store, image, progress);
  return started;
}

void ImageManager::NoteStart(ImageStore& store, const std::string& image, ProgressSink& progress) {
  if (!IsWatched(image)) return;
  const auto record = deps_.records.GetImage(store.engine(), image);
  // The verdict may be about an image that has been replaced since.
  if (record.ok() && *record && (*record)->stale) {
    const absl::StatusOr<std::string> id = store.IdOf(image);
    if (id.ok() && *id == (*record)->image_id) {
      progress.Warn(Format("a newer image '{}' exists: get it with `workmux sandbox pull`",
                           Printable(image)));
    }
  }
  deps_.executor.Post([this, &store, image] { CheckFreshness(store, image); });
}

void ImageManager::CheckFreshness(ImageStore& store, const std::string& image) {
  const std::string key = Format("{} {}", store.engine(), image);
  {
    MutexLock lock(mu_);
    if (!asking_.insert(key).second) return;
  }
  LogFailure(image, AskWhenDue(store, image));
  MutexLock lock(mu_);
  asking_.erase(key);
}

absl::Status ImageManager::AskWhenDue(ImageStore& store, const std::string& image) {
  if (stop_.stop_requested()) return absl::OkStatus();
  WM_ASSIGN_OR_RETURN(const std::string id, store.IdOf(image));
  WM_ASSIGN_OR_RETURN(const std::optional<ImageRecord> known,
                      deps_.records.GetImage(store.engine(), image));
  const std::int64_t now = deps_.now();
  const bool same = known && known->image_id == id;
  // A clock that went back must not silence the question for years.
  if (same && known->checked <= now && now - known->checked < kCheckEvery) return absl::OkStatus();
  ImageRecord record{.engine = std::string(store.engine()),
                     .image = image,
                     .image_id = id,
                     .checked = now,
                     .stale = same && known->stale};
  const absl::StatusOr<Freshness> freshness = store.AskRegistry(image, stop_.get_token());
  if (stop_.stop_requested()) return absl::OkStatus();
  if (freshness.ok()) record.stale = *freshness == Freshness::kStale;
  WM_RETURN_IF_ERROR(deps_.records.PutImage(record));
  return Annotate(freshness.status(), "asking the registry");
}

absl::Status ImageManager::Build(ImageStore& store, const ImageBuildRequest& request,
                                 ProgressSink& progress, const std::stop_token& stop) {
  WM_RETURN_IF_ERROR(CheckImageAgent(request.agent));
  WM_RETURN_IF_ERROR(CheckTag(request.image));
  ImageBuild base{.tag = kBaseTag,
                  .recipe = std::string(RecipeText("base")),
                  .arguments = {},
                  .use_cache = request.use_cache};
  if (!request.from.empty()) {
    WM_RETURN_IF_ERROR(CheckImageName(request.from));
    base.arguments.push_back("FROM_IMAGE=" + request.from);
  }
  ImageBuild agent{.tag = request.image,
                   .recipe = std::string(RecipeText(request.agent)),
                   .arguments = {Format("BASE={}", kBaseTag)},
                   .use_cache = request.use_cache};
  if (!request.version.empty()) agent.arguments.push_back("VERSION=" + request.version);
  progress.Step("build", "Building the base image");
  WM_RETURN_IF_ERROR(store.Build(base, progress, stop));
  progress.Step("build", Format("Building the image for {}", request.agent));
  return store.Build(agent, progress, stop);
}

absl::Status ImageManager::InstallGuest(ImageStore& store, const std::string& image,
                                        const std::filesystem::path& program,
                                        ProgressSink& progress, const std::stop_token& stop) {
  WM_RETURN_IF_ERROR(CheckTag(image));
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(program, error);
  if (error || !std::filesystem::is_regular_file(real, error)) {
    return WithHint(NotFound("{}: there is no such program", Printable(program.native())),
                    "build it first: leave out --skip-build");
  }
  progress.Step("build", "Adding the guest program");
  return store.Build({.tag = image,
                      .recipe = Format("FROM {}\nCOPY [\"{}\", \"/usr/local/bin/workmux\"]\n",
                                       image, real.filename().string()),
                      .context = real.parent_path(),
                      .arguments = {}},
                     progress, stop);
}

}  // namespace workmux::daemon
