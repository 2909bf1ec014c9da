#pragma once

#include <array>
#include <string_view>

namespace workmux::daemon {

// Where container engines listen, below /run and below a user's runtime directory:
// docker(1), podman-system-service(1), containerd(8), crio(8), buildkitd's --addr.
// Whoever reaches one is root on the host.
inline constexpr auto kEngineSockets = std::to_array<std::string_view>(
    {"docker.sock", "podman/podman.sock", "containerd/containerd.sock", "crio/crio.sock",
     "buildkit/buildkitd.sock"});

}  // namespace workmux::daemon
