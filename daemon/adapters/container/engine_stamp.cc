#include "daemon/adapters/container/engine_stamp.h"

#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/io/file.h"
#include "common/process/posix_command_runner.h"
#include "daemon/config/config_trust.h"

namespace workmux::daemon {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kUnix = "unix://";
constexpr char kDefaultHost[] = "unix:///var/run/docker.sock";

struct Traces {
  std::vector<std::string> programs;
  std::vector<fs::path> files;
  std::string address;
};

fs::path ConfigHome(const Env& env) {
  const fs::path named = Lookup(env, "XDG_CONFIG_HOME");
  return named.empty() ? fs::path(Lookup(env, "HOME")) / ".config" : named;
}

fs::path DockerConfig(const Env& env) {
  const fs::path named = Lookup(env, "DOCKER_CONFIG");
  return named.empty() ? fs::path(Lookup(env, "HOME")) / ".docker" : named;
}

// The string at `keys`; empty when it is not there, nothing when the file is broken.
std::optional<std::string> StringAt(const fs::path& file, const std::vector<std::string>& keys) {
  const auto text = ReadFile(file);
  if (absl::IsNotFound(text.status())) return std::string();
  if (!text.ok()) return std::nullopt;
  json value = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  for (const std::string& key : keys) {
    if (!value.is_object()) return std::nullopt;
    const auto found = value.find(key);
    if (found == value.end()) return std::string();
    value = json(*found);
  }
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

// An engine that starts anew makes its pid file and its socket, rootless ones beside
// each other (dockerd(8), "dockerd-rootless.sh"); daemon.json changes what it does by
// default.
std::optional<Traces> DockerTraces(const Env& env) {
  const std::optional<std::string> host = DockerHost(env);
  if (!host || !host->starts_with(kUnix)) return std::nullopt;
  const fs::path socket = host->substr(kUnix.size());
  return Traces{{"dockerd", "containerd", "rootlesskit"},
                {socket, socket.parent_path() / "docker.pid", "/var/run/docker.pid",
                 "/etc/docker/daemon.json", ConfigHome(env) / "docker/daemon.json"},
                *host};
}

void AddDirectory(const fs::path& dir, std::vector<fs::path>& files) {
  files.push_back(dir);
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator entry(dir, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    entries.push_back(entry->path());
  }
  std::sort(entries.begin(), entries.end());
  files.insert(files.end(), entries.begin(), entries.end());
}

// containers.conf(5), podman-system-connection(1).
std::optional<Traces> PodmanTraces(const Env& env) {
  const std::string host = Lookup(env, "CONTAINER_HOST");
  const std::string connection = Lookup(env, "CONTAINER_CONNECTION");
  if (!connection.empty() || (!host.empty() && !host.starts_with(kUnix))) return std::nullopt;
  const fs::path own = ConfigHome(env) / "containers";
  Traces traces{
      {"conmon", "crun"},
      {"/usr/share/containers/containers.conf", "/etc/containers/containers.conf",
       own / "containers.conf", own / "podman-connections.json", Lookup(env, "CONTAINERS_CONF"),
       "/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json"},
      host};
  if (!host.empty()) traces.files.emplace_back(host.substr(kUnix.size()));
  for (const fs::path& dir : {fs::path("/usr/share/containers"), fs::path("/etc/containers"), own})
    AddDirectory(dir / "containers.conf.d", traces.files);
  return traces;
}

}  // namespace

std::string StampOf(const fs::path& path) {
  struct stat info {};
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return "-";
  return Format("{}:{}:{}:{}.{}:{}.{}", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
}

std::optional<std::string> DockerHost(const Env& env) {
  if (std::string host = Lookup(env, "DOCKER_HOST"); !host.empty()) return host;
  const fs::path config = DockerConfig(env);
  std::string context = Lookup(env, "DOCKER_CONTEXT");
  if (context.empty()) {
    const auto current = StringAt(config / "config.json", {"currentContext"});
    if (!current) return std::nullopt;
    context = *current;
  }
  if (context.empty() || context == "default") return kDefaultHost;
  const auto directory = Sha256Hex(context);
  if (!directory.ok()) return std::nullopt;
  auto host = StringAt(config / "contexts/meta" / *directory / "meta.json",
                       {"Endpoints", "docker", "Host"});
  return host && !host->empty() ? host : std::nullopt;
}

std::optional<std::string> EngineStamp(const RuntimeTraits& traits, const Env& env) {
  std::optional<Traces> traces = traits.name == "docker" ? DockerTraces(env) : PodmanTraces(env);
  if (!traces) return std::nullopt;
  traces->programs.insert(traces->programs.end(), {std::string(traits.program), "runc"});
  std::string stamp = traces->address + " ";
  for (const std::string& name : traces->programs) {
    const auto program = FindProgram(name, env);
    stamp += StampOf(program.ok() ? *program : fs::path()) + " ";
  }
  for (const fs::path& file : traces->files) stamp += StampOf(file) + " ";
  return stamp;
}

}  // namespace workmux::daemon
