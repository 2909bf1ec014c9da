#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>

#include "common/base/mutex.h"
#include "daemon/async/executor.h"
#include "daemon/domain/image_name.h"
#include "daemon/domain/shared_pulls.h"
#include "daemon/ports/image_store.h"
#include "daemon/ports/records.h"

namespace workmux::daemon {

// What is wanted of `workmux sandbox build`. Empty: the recipe's own choice.
struct ImageBuildRequest {
  std::string image;  // the tag it gets
  std::string agent;
  std::string from;     // image that the base is built on
  std::string version;  // of the agent
  bool use_cache = true;
};

// Gets, makes and watches the age of images. Blocking, thread-safe.
class ImageManager {
 public:
  struct Deps {
    ImageRecords& records;
    Executor& executor;
    std::function<std::int64_t()> now;  // Unix time, seconds
    // Only images of this repository come by themselves and are compared with the
    // registry: any other is the user's own affair.
    std::string official_repository = kOfficialRepository;
  };
  explicit ImageManager(Deps deps) : deps_(std::move(deps)) {}

  // Concurrent pulls of one image are one.
  absl::Status Pull(ImageStore& store, const std::string& image, ProgressSink& progress,
                    const std::stop_token& stop);

  // Runs `start`, which needs the image. When it finds the image missing
  // (IMAGE_NOT_FOUND), an official one is pulled and `start` runs once more: asking
  // first would cost every start an engine's call. Another's error says where it is.
  // When it went well, NoteStart. `store` may be nullptr for what needs no image.
  absl::Status Use(ImageStore* store, const std::string& image,
                   absl::FunctionRef<absl::Status()> start, ProgressSink& progress,
                   const std::stop_token& stop);

  // A sandbox starts from the image: warns when the registry is known to have a
  // newer one, and asks the registry in the background, once a day and image id.
  // Costs one look at the records, and an engine's call only when there is a warning.
  void NoteStart(ImageStore& store, const std::string& image, ProgressSink& progress);

  // Base, then agent. kInvalidArgument (AGENT_WITHOUT_IMAGE) for an agent without
  // a recipe, kFailedPrecondition (IMAGE_PINNED) for a name that no build can have.
  absl::Status Build(ImageStore& store, const ImageBuildRequest& request, ProgressSink& progress,
                     const std::stop_token& stop);

  // A layer on top of the image, under its name, with this program as `workmux`.
  absl::Status InstallGuest(ImageStore& store, const std::string& image,
                            const std::filesystem::path& program, ProgressSink& progress,
                            const std::stop_token& stop);

  // Ends questions to registries; for the end of the daemon.
  void Stop() { stop_.request_stop(); }

 private:
  // Pulls what is official, else gives `missing` with a hint that says where it is.
  absl::Status Provide(ImageStore& store, const std::string& image, const absl::Status& missing,
                       ProgressSink& progress, const std::stop_token& stop);
  bool IsWatched(std::string_view image) const;
  void CheckFreshness(ImageStore& store, const std::string& image);
  absl::Status AskWhenDue(ImageStore& store, const std::string& image);

  const Deps deps_;
  SharedPulls pulls_;
  std::stop_source stop_;
  Mutex mu_;
  std::set<std::string> asking_ WM_GUARDED_BY(mu_);
};

}  // namespace workmux::daemon
