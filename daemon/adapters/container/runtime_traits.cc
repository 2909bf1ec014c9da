#include "daemon/adapters/container/runtime_traits.h"

#include <array>

#include "common/base/status.h"

namespace workmux::daemon {
namespace {

// docker-run(1), podman-run(1): Podman knows its host's name without being told.
constexpr auto kTraits = std::to_array<RuntimeTraits>({
    {.name = "docker",
     .program = "docker",
     .host_name = "host.docker.internal",
     .add_host = true,
     .network = "bridge",
     .install_hint = "Install Docker (https://docs.docker.com/engine/install/) or set "
                     "sandbox.backend: namespace."},
    {.name = "podman",
     .program = "podman",
     .host_name = "host.containers.internal",
     .add_host = false,
     .network = "podman",
     .install_hint =
         "Install Podman (https://podman.io/docs/installation) or set sandbox.backend: namespace."},
});

}  // namespace

std::span<const RuntimeTraits> AllRuntimeTraits() { return kTraits; }

absl::StatusOr<RuntimeTraits> RuntimeTraitsFor(std::string_view name) {
  for (const RuntimeTraits& traits : kTraits) {
    if (traits.name == name) return traits;
  }
  return WithReason(InvalidArgument("{}: not a container runtime that is supported", name),
                    "RUNTIME_UNKNOWN");
}

}  // namespace workmux::daemon
