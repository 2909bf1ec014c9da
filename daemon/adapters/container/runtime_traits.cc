#include "daemon/adapters/container/runtime_traits.h"

#include <unistd.h>

#include <array>

#include "common/base/status.h"
#include "common/base/strings.h"

namespace workmux::daemon {
namespace {

// docker-run(1), podman-run(1): Podman knows its host's name without being told.
// Apple's: docs/command-reference.md and docs/runtime-configuration.md of
// github.com/apple/container, 1.0; the address is that of its default network.
constexpr auto kTraits = std::to_array<RuntimeTraits>({
    {.name = "apple-container",
     .program = "container",
     .host_name = "192.168.64.1",
     .add_host = false,
     .network = "",
     .shares_kernel = false,
     // virtiofs shares directories; a file in a mounted directory would hide the rest
     // of it (issues 1089 and 2148 of the same project).
     .file_mounts = false,
     .detaches = false,
     .log_driver = "",
     // A machine of 1 GB, the runtime's own default, is too small for an agent.
     .default_memory = "16G",
     .descriptors = "/dev/fd",
     .label_lookup = "",
     .only_macos = true,
     .install_hint = "Install it (https://github.com/apple/container) or set "
                     "sandbox.container.runtime: docker."},
    {.name = "docker",
     .program = "docker",
     .host_name = "host.docker.internal",
     .add_host = true,
     .network = "bridge",
     .log_driver = "json-file",
     .default_memory = "",
     .descriptors = "/proc/self/fd",
     .label_lookup = "{{.Label \"",
     .install_hint = "Install Docker (https://docs.docker.com/engine/install/) or set "
                     "sandbox.backend: namespace."},
    {.name = "podman",
     .program = "podman",
     .host_name = "host.containers.internal",
     .add_host = false,
     .network = "podman",
     // Without a daemon each client enters the user's namespace and reads the store anew.
     .one_client_start = true,
     .log_driver = "k8s-file",
     .default_memory = "",
     .descriptors = "/proc/self/fd",
     .label_lookup = "{{index .Labels \"",
     .install_hint =
         "Install Podman (https://podman.io/docs/installation) or set sandbox.backend: namespace."},
});

bool IsInPath(std::string_view program, const Env& env) {
  const auto path = env.find("PATH");
  if (path == env.end()) return false;
  for (const std::string& dir : Split(path->second, ':')) {
    if (dir.starts_with('/') && ::access((dir + "/" + std::string(program)).c_str(), X_OK) == 0)
      return true;
  }
  return false;
}

}  // namespace

std::span<const RuntimeTraits> AllRuntimeTraits() { return kTraits; }

absl::StatusOr<RuntimeTraits> RuntimeTraitsFor(std::string_view name) {
  for (const RuntimeTraits& traits : kTraits) {
    if (traits.name == name) return traits;
  }
  return WithReason(InvalidArgument("{}: not a container runtime that is supported", name),
                    "RUNTIME_UNKNOWN");
}

std::string_view DefaultRuntime(const Env& env, bool macos) {
  for (const RuntimeTraits& traits : kTraits) {
    if ((macos || !traits.only_macos) && IsInPath(traits.program, env)) return traits.name;
  }
  return "docker";
}

}  // namespace workmux::daemon
