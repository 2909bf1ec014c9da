#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/process/env.h"
#include "daemon/adapters/container/runtime_traits.h"

namespace workmux::daemon {

// Changes when the file is replaced or written; "-" when there is none.
std::string StampOf(const std::filesystem::path& path);

// The address of the engine that `docker` means under `env`, the client's environment:
// DOCKER_HOST, else the context of DOCKER_CONTEXT or of `docker context use`
// (docker(1); contexts are kept in contexts/meta of cli/context/store). Nothing when a
// file of these is not understood.
std::optional<std::string> DockerHost(const Env& env);

// Everything that can be seen of the engine without asking it, its address included:
// while it stays the same, what the engine said of itself holds. Nothing when the engine
// is not on this machine, where nothing of it can be seen.
std::optional<std::string> EngineStamp(const RuntimeTraits& traits, const Env& env);

}  // namespace workmux::daemon
