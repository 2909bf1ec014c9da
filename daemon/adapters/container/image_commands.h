#pragma once

// What is said to the engines' clients about images, and what they answer. Pure.

#include <absl/status/statusor.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/adapters/container/run_argv.h"
#include "daemon/adapters/container/runtime_traits.h"
#include "daemon/ports/image_store.h"

namespace workmux::daemon {

// By which images that were built here are found again. It is the last step of such an
// image: one that somebody builds on it inherits the label, and has steps of its own.
inline constexpr char kLabelImage[] = "dev.workmux.image";

// How the clients differ where images are concerned.
struct ImageTraits {
  std::string_view runtime;  // RuntimeTraits::name
  std::vector<std::string> pull;
  std::vector<std::string> inspect;  // prints JSON
  // Takes the Dockerfile from standard input. Empty: the client cannot.
  std::vector<std::string> build;
  // Prints what the registry has as JSON, without downloading it. Empty: the
  // client has no such command.
  std::vector<std::string> ask_registry;
  // For a registry without TLS; the engine lets loopback ones be so.
  std::string_view insecure_flag;
  std::vector<std::string> machine;  // prints the architecture in Go's or uname's words
};

const ImageTraits& ImageTraitsFor(std::string_view runtime);

EngineCall BuildMachineCall(const RuntimeTraits& traits);
EngineCall BuildPullCall(const RuntimeTraits& traits, const std::string& image);
// Images without a name, all or only those with our label, which may be inherited. No
// argv: the runtime cannot tell.
EngineCall BuildNamelessImagesCall(const RuntimeTraits& traits, bool built_here);
struct NamelessImage {
  std::string id;
  std::string repository;  // that it was pulled from; "<none>": unknown
  std::string size;
};
absl::StatusOr<std::vector<NamelessImage>> ParseNamelessImages(std::string_view text);
// The steps that an image was built in, and whether BuildImageBuildCall made them.
EngineCall BuildHistoryCall(const RuntimeTraits& traits, const std::string& image);
bool EndsWithOurLabel(std::string_view history);

EngineCall BuildImageInspectCall(const RuntimeTraits& traits, const std::string& image);
// Empty argv when the runtime cannot ask.
EngineCall BuildAskRegistryCall(const RuntimeTraits& traits, const std::string& image);
// Without a context nothing is sent but the Dockerfile. Empty argv when the runtime
// cannot do so.
EngineCall BuildImageBuildCall(const RuntimeTraits& traits, const ImageBuild& build);

// "amd64" is "x86_64", "arm64" is "aarch64"; what is not known stays.
std::string MachineName(std::string_view architecture);

// An image as its engine knows it.
struct LocalImage {
  std::string id;                 // "sha256:…"
  std::set<std::string> digests;  // under which registries gave it out, "sha256:…"
  // The id is itself such a digest (Docker's containerd store): then it says
  // nothing about what the index holds.
  bool id_is_digest = false;
};
absl::StatusOr<LocalImage> ParseLocalImage(std::string_view json);

// Every digest by which the registry's answer names the image or one of its
// platforms: manifests and their configurations.
struct RemoteImage {
  std::set<std::string> digests;
  bool is_index = false;
};
absl::StatusOr<RemoteImage> ParseRemoteImage(std::string_view json);

// An image is current when any digest is common to both. One that was never
// pulled, and an id that cannot be compared with an index's platforms, is kUnknown.
Freshness Compare(const LocalImage& local, const RemoteImage& remote);

}  // namespace workmux::daemon
