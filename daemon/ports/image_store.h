#pragma once

#include <absl/status/statusor.h>

#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/domain/progress.h"

namespace workmux::daemon {

// One image to be made. The recipe is a whole Dockerfile.
struct ImageBuild {
  std::string tag;
  std::string recipe;
  std::filesystem::path context;       // a directory whose files the recipe copies; empty: none
  std::vector<std::string> arguments;  // "NAME=value" for its ARG lines
  bool use_cache = true;
};

enum class Freshness {
  kCurrent,
  kStale,
  kUnknown,  // made here, or not comparable: nothing to say
};

// An image of ours that no name leads to any more: a newer one took it.
struct SupersededImage {
  std::string id;
  std::string size;  // as the engine writes it
};

// The images of one engine. Blocking, thread-safe.
class ImageStore {
 public:
  virtual ~ImageStore() = default;

  // What tells this engine's images from another's.
  virtual std::string_view engine() const = 0;

  // The id of an image that is here. kNotFound (IMAGE_NOT_FOUND).
  virtual absl::StatusOr<std::string> IdOf(const std::string& image) = 0;

  // Gets what the registry has under that name. Reasons of its errors:
  // IMAGE_UNKNOWN, IMAGE_DENIED, REGISTRY_UNREACHABLE, REGISTRY_STALLED,
  // REGISTRY_UNTRUSTED, REGISTRY_LIMIT, DISK_FULL, else those of the engine.
  // `progress` gets steps "pull" and their details.
  virtual absl::Status Pull(const std::string& image, ProgressSink& progress,
                            std::stop_token stop) = 0;

  // Compares the image that is here with the registry's. Nothing is downloaded
  // but manifests.
  virtual absl::StatusOr<Freshness> AskRegistry(const std::string& image, std::stop_token stop) = 0;

  // `progress` gets every line that the build prints.
  virtual absl::Status Build(const ImageBuild& build, ProgressSink& progress,
                             std::stop_token stop) = 0;

  // Images that were pulled from `repository` or built here, have no name and no
  // container. Empty where the engine cannot tell.
  virtual absl::StatusOr<std::vector<SupersededImage>> Superseded(
      const std::string& repository) = 0;
  // Removes one by its id; refused while a container uses it or a name leads to it.
  virtual absl::Status Remove(const std::string& id) = 0;

  // The machine that the engine's containers run on, as uname(2) names it.
  virtual absl::StatusOr<std::string> Machine() = 0;

  // The name of another engine on this machine that has the image; empty: none.
  virtual std::string EngineThatHas(const std::string& image) = 0;
};

}  // namespace workmux::daemon
