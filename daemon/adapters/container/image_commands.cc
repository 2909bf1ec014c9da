#include "daemon/adapters/container/image_commands.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

using nlohmann::json;

// docker-pull(1), docker-manifest(1), docker-build(1); podman-pull(1),
// podman-manifest-inspect(1), podman-build(1); Apple's `container image --help`.
// `docker manifest` is part of the client since 20.10, `docker buildx` is not.
const std::vector<ImageTraits>& Table() {
  static const auto* const kTable = new std::vector<ImageTraits>{
      {"docker",
       {"docker", "pull"},
       {"docker", "image", "inspect"},
       {"docker", "build", "--force-rm"},  // a step that fails leaves its container otherwise
       {"docker", "manifest", "inspect", "--verbose"},
       "--insecure",
       {"docker", "version", "--format", "{{.Server.Arch}}"}},
      {"podman",
       {"podman", "pull"},
       {"podman", "image", "inspect"},
       {"podman", "build", "--force-rm"},
       {"podman", "manifest", "inspect"},
       "",
       {"podman", "info", "--format", "{{.Host.Arch}}"}},
      {"apple-container",
       {"container", "image", "pull"},
       {"container", "image", "inspect"},
       {},
       {},
       "",
       {"uname", "-m"}},
  };
  return *kTable;
}

// RFC 1122, 3.2.1.3: 127.0.0.0/8 never leaves the host.
bool IsLoopback(std::string_view image) {
  const std::string_view host = image.substr(0, image.find_first_of("/:"));
  return host == "localhost" || host.starts_with("127.") || image.starts_with("[::1]");
}

bool IsDigest(std::string_view text) { return text.starts_with("sha256:"); }

void Collect(const json& value, std::set<std::string>& digests) {
  if (value.is_object() && value.contains("digest") && value["digest"].is_string())
    digests.insert(value["digest"].get<std::string>());
}

// A manifest (its configuration), or an index (its platforms' manifests).
void CollectManifest(const json& manifest, RemoteImage& remote) {
  if (!manifest.is_object()) return;
  if (manifest.contains("config")) Collect(manifest["config"], remote.digests);
  if (!manifest.contains("manifests") || !manifest["manifests"].is_array()) return;
  remote.is_index = true;
  for (const json& platform : manifest["manifests"]) Collect(platform, remote.digests);
}

// `docker manifest inspect --verbose`: one of these for each platform.
void CollectVerbose(const json& entry, RemoteImage& remote) {
  if (!entry.is_object()) return;
  if (entry.contains("Descriptor")) Collect(entry["Descriptor"], remote.digests);
  for (const char* key : {"SchemaV2Manifest", "OCIManifest"}) {
    if (entry.contains(key)) CollectManifest(entry[key], remote);
  }
}

EngineCall CallWith(const std::vector<std::string>& words) {
  EngineCall call;
  call.argv = words;
  return call;
}

}  // namespace

const ImageTraits& ImageTraitsFor(std::string_view runtime) {
  for (const ImageTraits& traits : Table()) {
    if (traits.runtime == runtime) return traits;
  }
  return Table().front();
}

EngineCall BuildMachineCall(const RuntimeTraits& traits) {
  return CallWith(ImageTraitsFor(traits.name).machine);
}

EngineCall BuildPullCall(const RuntimeTraits& traits, const std::string& image) {
  EngineCall call = CallWith(ImageTraitsFor(traits.name).pull);
  call.argv.insert(call.argv.end(), {"--", image});
  call.env = {{"DOCKER_CLI_HINTS", "false"}};
  call.terminal = true;
  return call;
}

EngineCall BuildNamelessImagesCall(const RuntimeTraits& traits, bool built_here) {
  EngineCall call;
  if (!traits.shares_kernel) return call;
  call.argv = {
      std::string(traits.program), "image", "ls", "--no-trunc", "--filter", "dangling=true"};
  // Those of an additional store are somebody else's to remove.
  if (traits.name == "podman") call.argv.insert(call.argv.end(), {"--filter", "readonly=false"});
  if (built_here) call.argv.insert(call.argv.end(), {"--filter", Format("label={}", kLabelImage)});
  call.argv.insert(call.argv.end(), {"--format", "{{.ID}}\t{{.Repository}}\t{{.Size}}"});
  return call;
}

absl::StatusOr<std::vector<NamelessImage>> ParseNamelessImages(std::string_view text) {
  std::vector<NamelessImage> images;
  for (const std::string& line : SplitLines(text)) {
    std::vector<std::string> fields = Split(line, '\t');
    if (fields.size() != 3) return DataLoss("the engine's list of images is not understood");
    images.push_back({std::move(fields[0]), std::move(fields[1]), std::move(fields[2])});
  }
  return images;
}

EngineCall BuildHistoryCall(const RuntimeTraits& traits, const std::string& image) {
  EngineCall call;
  call.argv = {std::string(traits.program),
               "history",
               "--no-trunc",
               "--format",
               "{{.CreatedBy}}",
               "--",
               image};
  return call;
}

bool EndsWithOurLabel(std::string_view history) {
  const std::string_view last = history.substr(0, history.find('\n'));
  return last.find(Format("LABEL {}=", kLabelImage)) != std::string_view::npos;
}

EngineCall BuildImageInspectCall(const RuntimeTraits& traits, const std::string& image) {
  EngineCall call = CallWith(ImageTraitsFor(traits.name).inspect);
  call.argv.insert(call.argv.end(), {"--", image});
  return call;
}

EngineCall BuildAskRegistryCall(const RuntimeTraits& traits, const std::string& image) {
  const ImageTraits& own = ImageTraitsFor(traits.name);
  EngineCall call = CallWith(own.ask_registry);
  if (call.argv.empty()) return call;
  if (!own.insecure_flag.empty() && IsLoopback(image)) call.argv.emplace_back(own.insecure_flag);
  call.argv.insert(call.argv.end(), {"--", image});
  return call;
}

EngineCall BuildImageBuildCall(const RuntimeTraits& traits, const ImageBuild& build) {
  EngineCall call = CallWith(ImageTraitsFor(traits.name).build);
  if (call.argv.empty()) return call;
  call.argv.insert(call.argv.end(), {"--tag", build.tag});
  if (!build.use_cache) call.argv.emplace_back("--no-cache");
  for (const std::string& argument : build.arguments)
    call.argv.insert(call.argv.end(), {"--build-arg", argument});
  if (build.context.empty()) {
    call.argv.emplace_back("-");
  } else {
    call.argv.insert(call.argv.end(), {"--file", "-", build.context.native()});
  }
  call.input = Format("{}\nLABEL {}=\"{}\"\n", build.recipe, kLabelImage, build.tag);
  // Which builder there is, the client knows: DOCKER_BUILDKIT would make one
  // without buildx fail. Lines instead of a drawing; no advertisements.
  call.env = {{"BUILDKIT_PROGRESS", "plain"}, {"DOCKER_CLI_HINTS", "false"}};
  return call;
}

std::string MachineName(std::string_view architecture) {
  if (architecture == "amd64") return "x86_64";
  if (architecture == "arm64") return "aarch64";
  return std::string(architecture);
}

absl::StatusOr<LocalImage> ParseLocalImage(std::string_view text) {
  const json list = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array() || list.empty() || !list[0].is_object())
    return DataLoss("the engine's report on the image is not understood");
  const json& image = list[0];
  LocalImage local;
  try {
    // Apple's: the index is all it knows an image by.
    if (image.contains("index")) {
      local.id = image.at("index").at("digest").get<std::string>();
      local.digests = {local.id};
      local.id_is_digest = true;
      return local;
    }
    local.id = image.at("Id").get<std::string>();
    if (!IsDigest(local.id)) local.id = "sha256:" + local.id;
    const json names = image.value("RepoDigests", json());
    for (const json& name : names.is_array() ? names : json::array()) {
      const std::string full = name.get<std::string>();
      const auto at = full.find('@');
      if (at != std::string::npos) local.digests.insert(full.substr(at + 1));
    }
  } catch (const json::exception&) {
    return DataLoss("the engine's report on the image has fields of another type");
  }
  local.id_is_digest = local.digests.contains(local.id);
  return local;
}

absl::StatusOr<RemoteImage> ParseRemoteImage(std::string_view text) {
  const json answer = json::parse(text, nullptr, /*allow_exceptions=*/false);
  RemoteImage remote;
  try {
    if (answer.is_array()) {
      remote.is_index = true;
      for (const json& entry : answer) CollectVerbose(entry, remote);
    } else {
      CollectVerbose(answer, remote);
      CollectManifest(answer, remote);
    }
  } catch (const json::exception&) {
    remote.digests.clear();
  }
  if (remote.digests.empty()) return DataLoss("the registry's answer is not understood");
  return remote;
}

Freshness Compare(const LocalImage& local, const RemoteImage& remote) {
  const auto known = [&](const std::string& digest) {
    return digest == local.id || local.digests.contains(digest);
  };
  if (std::any_of(remote.digests.begin(), remote.digests.end(), known)) return Freshness::kCurrent;
  if (local.digests.empty()) return Freshness::kUnknown;
  return remote.is_index && local.id_is_digest ? Freshness::kUnknown : Freshness::kStale;
}

}  // namespace workmux::daemon
