// What a container's engine and image are, asked as seldom as can be: a client's
// process takes longer than all else that a start has to know.

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "common/base/status.h"
#include "common/base/strings.h"
#include "common/process/env.h"
#include "common/process/posix_command_runner.h"
#include "daemon/adapters/container/container_backend.h"

namespace workmux::daemon {
namespace {

using nlohmann::json;

// Changes when the file is replaced or written.
std::string StampOf(const std::filesystem::path& path) {
  struct stat info {};
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return "-";
  return Format("{}:{}:{}:{}.{}:{}.{}", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
}

// Where the engine listens: a new engine has a new socket.
std::filesystem::path EngineSocket(const Env& env) {
  constexpr std::string_view kUnix = "unix://";
  const std::string host = Lookup(env, "DOCKER_HOST");
  if (host.empty()) return "/var/run/docker.sock";
  return host.starts_with(kUnix) ? host.substr(kUnix.size()) : std::string();
}

// Everything that can be seen of the engine without asking it: it is asked again
// when one of these has changed. An engine that starts anew makes its pid file and
// its socket, an upgrade its programs; containers.conf(5) and daemon.json change
// what either does by default.
std::string EngineStamp(const RuntimeTraits& traits, const Env& env) {
  std::vector<std::string> programs = {std::string(traits.program), "runc", "crun"};
  std::vector<std::filesystem::path> files;
  if (traits.name == "docker") {
    programs.insert(programs.end(), {"dockerd", "containerd"});
    files = {EngineSocket(env), "/var/run/docker.pid", "/etc/docker/daemon.json"};
  } else {
    programs.emplace_back("conmon");
    const std::filesystem::path home = Lookup(env, "HOME");
    files = {"/usr/share/containers/containers.conf",     "/etc/containers/containers.conf",
             home / ".config/containers/containers.conf", Lookup(env, "CONTAINERS_CONF"),
             "/usr/share/containers/seccomp.json",        "/etc/containers/seccomp.json"};
  }
  std::string stamp;
  for (const std::string& name : programs) {
    const auto program = FindProgram(name, env);
    stamp += StampOf(program.ok() ? *program : std::filesystem::path()) + " ";
  }
  for (const std::filesystem::path& file : files) stamp += StampOf(file) + " ";
  return stamp;
}

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
  const RuntimeTraits& traits = client_.traits();
  const std::string stamp = EngineStamp(traits, client_.env());
  {
    const MutexLock lock(mu_);
    if (version_stamp_ == stamp) return version_;
  }
  WM_ASSIGN_OR_RETURN(const std::string out, client_.Run({"version", "--format", "{{json .}}"}));
  const MutexLock lock(mu_);
  version_ = Format("{} {}", Trim(out), stamp);
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
