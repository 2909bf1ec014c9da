// What a container's engine and image are, asked as seldom as can be: a client's
// process takes longer than all else that a start has to know.

#include <nlohmann/json.hpp>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/process/env.h"
#include "daemon/adapters/container/container_backend.h"
#include "daemon/adapters/container/engine_stamp.h"

namespace workmux::daemon {
namespace {

using nlohmann::json;

// "sha256:…\n["NAME=value", …]", of `image inspect`.
absl::StatusOr<SandboxProvenance> ParseImage(const std::string& text) {
  const std::vector<std::string> lines = SplitLines(text);
  if (lines.size() < 2) return DataLoss("the engine's report on the image is not understood");
  SandboxProvenance image{lines[0], {}};
  const json variables = json::parse(lines[1], nullptr, /*allow_exceptions=*/false);
  if (!variables.is_array()) return image;
  for (const json& variable : variables) {
    if (!variable.is_string()) continue;
    const auto& entry = variable.get_ref<const std::string&>();
    image.variables.push_back(entry.substr(0, entry.find('=')));
  }
  return image;
}

}  // namespace

absl::StatusOr<SandboxMakeup> ContainerBackend::Describe(const SandboxSpec& spec, const Env&) {
  if (!client_.traits().shares_kernel)
    return Unimplemented("machines of {} cannot be verified", client_.traits().name);
  WM_ASSIGN_OR_RETURN(const EngineFacts facts, Facts());
  return DescribeContainer(client_.traits(), facts, spec);
}

absl::StatusOr<std::string> ContainerBackend::Version() {
  const std::optional<std::string> stamp = EngineStamp(client_.traits(), client_.env());
  {
    const MutexLock lock(mu_);
    if (stamp && version_stamp_ == stamp) return version_;
  }
  WM_ASSIGN_OR_RETURN(const std::string out, client_.Run({"version", "--format", "{{json .}}"}));
  // One that is elsewhere is known by the name that leads there.
  std::string address;
  if (!stamp) {
    for (const std::string_view name :
         {"DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "CONTAINER_CONNECTION"})
      address += Lookup(client_.env(), name) + " ";
    if (client_.traits().name == "docker") address += DockerHost(client_.env()).value_or("?");
  }
  const MutexLock lock(mu_);
  version_ = Format("{} {}", Trim(out), stamp.value_or(address));
  version_stamp_ = stamp;
  return version_;
}

// IMAGE_NOT_FOUND. A store of the user's own says by one file whether any name changed
// its image; Docker's is the engine's.
absl::StatusOr<SandboxProvenance> ContainerBackend::FindImage(const std::string& image) {
  WM_ASSIGN_OR_RETURN(const EngineFacts facts, Facts());
  const std::string stamp = facts.image_list.empty() ? "-" : StampOf(facts.image_list);
  {
    const MutexLock lock(mu_);
    const auto found = images_known_.find(image);
    if (stamp != "-" && found != images_known_.end() && found->second.stamp == stamp &&
        client_.IsInstalled())
      return found->second.image;
  }
  WM_ASSIGN_OR_RETURN(
      const std::string out,
      client_.Run({"image", "inspect", "--format", "{{.Id}}\n{{json .Config.Env}}", "--", image}));
  WM_ASSIGN_OR_RETURN(SandboxProvenance found, ParseImage(out));
  const MutexLock lock(mu_);
  images_known_[image] = {stamp, found};
  return found;
}

absl::StatusOr<SandboxProvenance> ContainerBackend::Provenance(const std::string& image) {
  if (!client_.traits().shares_kernel)
    return Unimplemented("machines of {} cannot be verified", client_.traits().name);
  WM_ASSIGN_OR_RETURN(const EngineFacts facts, Facts());
  WM_ASSIGN_OR_RETURN(SandboxProvenance known, FindImage(image));
  WM_ASSIGN_OR_RETURN(const std::string version, Version());
  return SandboxProvenance{
      Format("{} rootless={} {} {}", client_.traits().name, facts.rootless, version, known.text),
      std::move(known.variables)};
}

}  // namespace workmux::daemon
